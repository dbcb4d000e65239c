"""OCR: which pages need it, what reads them, and how what was read joins the page's own text."""

from __future__ import annotations

from ingestkit_pdf.pdf.ocr.gates import what_to_read
from ingestkit_pdf.pdf.ocr.geometry import Turn
from ingestkit_pdf.pdf.ocr.model import (
    OcrEngine,
    OcrError,
    OcrLine,
    OcrTimeoutError,
    OcrWord,
    Picture,
    Reading,
)
from ingestkit_pdf.pdf.ocr.read import Ocr, PageReading, make_ocr
from ingestkit_pdf.pdf.ocr.stage import missing_engine, ocr_stage, path_taken
from ingestkit_pdf.pdf.ocr.tesseract import load_binding

__all__ = [
    "Ocr",
    "OcrEngine",
    "OcrError",
    "OcrLine",
    "OcrTimeoutError",
    "OcrWord",
    "PageReading",
    "Picture",
    "Reading",
    "Turn",
    "load_binding",
    "make_ocr",
    "missing_engine",
    "ocr_stage",
    "path_taken",
    "what_to_read",
]
