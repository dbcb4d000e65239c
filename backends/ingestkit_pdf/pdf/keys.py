"""The ingest key: the same for the same content, parser and settings, whatever the file is called."""

from __future__ import annotations

import hashlib
import json

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.pdf.tokens import tokenizer_identity

__all__ = ["ingest_key"]


def ingest_key(content_sha256: str, config: PDFProcessorConfig) -> str:
    """SHA-256 over the content's hash, the parser's version and the fields that change the output.

    Raises:
        TokenizerError: The configuration names a tokenizer that cannot be read.
    """
    output = {**config.output_fields(), "tokenizer": tokenizer_identity(config.tokenizer)}
    fields = {"content": content_sha256, "parser": config.parser_version, "config": output}
    canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
