"""The pipeline: one PDF in, one `ProcessingResult` out. The only code that knows PyMuPDF."""

from __future__ import annotations

from ingestkit_pdf.pdf.pipeline import process_document

__all__ = ["process_document"]
