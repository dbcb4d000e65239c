"""The pipeline: one PDF in, one `ProcessingResult` out. The only code that knows PyMuPDF."""

from __future__ import annotations

from ingestkit_pdf.pdf.pipeline import help_document, process_document
from ingestkit_pdf.pdf.warm import warm_up

__all__ = ["help_document", "process_document", "warm_up"]
