"""Documents as people make them, for tests of many jobs: of the corpus, else the demonstration's samples."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from demo.samples import make_samples
from ingestkit_pdf import LocalExecutionBackend, PDFProcessorConfig

__all__ = ["real_documents"]

_LARGEST = 250_000
_SLOWEST = 2.0
_MOST = 20
_LEAST_TEXT = 100


def real_documents(folder: Path) -> Mapping[Path, str]:
    """The twenty documents that are soonest read without errors, and the Markdown they come to.

    Args:
        folder: Where samples are made, if INGESTKIT_CORPUS names no folder of real documents.
    """
    corpus = os.environ.get("INGESTKIT_CORPUS")
    if corpus:
        found = [path for kind in ("bench", "valid") for path in (Path(corpus) / kind).rglob("*.pdf")]
        paths = [path for path in found if path.stat().st_size < _LARGEST]
    else:
        paths = make_samples(folder)
    config = PDFProcessorConfig(per_document_timeout_seconds=_SLOWEST)
    with LocalExecutionBackend(max_workers=2) as backend:
        jobs = [(path, backend.submit(str(path), config)) for path in paths]
        results = [(path, backend.get_result(job_id, timeout=120)) for path, job_id in jobs]
    good = [
        (result.processing_time_seconds, path, result.markdown)
        for path, result in results
        if not result.errors and len(result.markdown) >= _LEAST_TEXT
    ]
    assert len(good) >= 2, "no documents to test with"
    return {path: markdown for _, path, markdown in sorted(good)[:_MOST]}
