"""What is loaded before workers are forked: they share it, and the first document is not late."""

from __future__ import annotations

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.pdf.language import load_detector
from ingestkit_pdf.pdf.ocr import load_binding
from ingestkit_pdf.pdf.tokens import load_tokenizer, tokenizer_identity

__all__ = ["warm_up"]


def warm_up(*tokenizers: str) -> None:
    """Load the language detector, the OCR engine's library where there is one, and tokenizers.

    Args:
        tokenizers: Besides the default one; which may be files.

    Raises:
        TokenizerError: One of them cannot be used.
    """
    load_detector()
    load_binding()
    for name in (PDFProcessorConfig().tokenizer, *tokenizers):
        load_tokenizer(name)
        tokenizer_identity(name)
