"""The one door to PyMuPDF: its import, its set-up, documents, pages and raw PDF objects."""

from .binding import (
    SCALE,
    OutOfMemoryError,
    ParserError,
    guarded,
    load_layout_model,
    mupdf,
    take_messages,
)
from .document import Document, open_document
from .page import PageContent, Painted

__all__ = [
    "SCALE",
    "Document",
    "OutOfMemoryError",
    "PageContent",
    "Painted",
    "ParserError",
    "guarded",
    "load_layout_model",
    "mupdf",
    "open_document",
    "take_messages",
]
