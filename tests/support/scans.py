"""Pages as scanners give them, made from text, and an engine that reads what the test says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ingestkit_pdf._tessdata import lacking_ocr
from ingestkit_pdf.pdf.ocr import OcrLine, OcrTimeoutError, OcrWord, Picture, Reading

import pymupdf  # isort: skip

STORY = [
    "The lighthouse keeper counted seventeen vessels",
    "before the evening fog covered the harbour.",
    "Every morning he wrote their names in a ledger,",
    "and every winter the ledger went to the museum.",
    "Nobody had ever asked him for the old volumes,",
    "until a student arrived with a curious question.",
]

needs_tesseract = pytest.mark.skipif(
    lacking_ocr(["eng"]) is not None, reason=f"no OCR here: {lacking_ocr(['eng'])}"
)


def story_page(document: Any, lines: Sequence[str] = STORY, *, size: float = 14, top: float = 120) -> Any:
    """A new page with a few lines of text on it."""
    page = document.new_page()
    for number, line in enumerate(lines):
        page.insert_text((72, top + 1.6 * size * number), line, fontsize=size)
    return page


def scan(
    folder: Path, *, lines: Sequence[str] = STORY, degrees: float = 0, dpi: int = 200, pages: int = 1
) -> Path:
    """A document of pictures of text, turned clockwise by so many degrees, with no text of its own."""
    with pymupdf.open() as source, pymupdf.open() as made:
        picture = picture_of(story_page(source, lines), degrees=degrees, dpi=dpi)
        for _ in range(pages):
            sheet = made.new_page(width=picture.width * 72 / dpi, height=picture.height * 72 / dpi)
            sheet.insert_image(sheet.rect, pixmap=picture)
        path = folder / "scan.pdf"
        made.save(path)
    return path


def picture_of(page: Any, *, degrees: float = 0, dpi: int = 200) -> Any:
    """A page as a grey picture."""
    matrix = pymupdf.Matrix(dpi / 72, dpi / 72) * pymupdf.Matrix(degrees)
    return page.get_pixmap(matrix=matrix, colorspace=pymupdf.csGRAY, alpha=False)


class FakeEngine:
    """Gives prepared readings, one after the other, and remembers what it was shown."""

    name = "fake"

    def __init__(self, *readings: Reading | type[OcrTimeoutError]) -> None:
        self.readings = list(readings)
        self.seen: list[Picture] = []

    def read(
        self, picture: Picture, languages: Sequence[str], *, seconds: float, may_turn: bool = True
    ) -> Reading:
        """The next reading."""
        self.seen.append(picture)
        reading = self.readings.pop(0)
        if isinstance(reading, Reading):
            return reading
        raise reading("took too long")


def reading(*lines: str, confidence: float = 0.9, top: float = 100, turn: float = 0) -> Reading:
    """Lines of text, below each other from `top` on, in pixels; a letter is 20 wide and 30 high."""
    made = []
    for number, text in enumerate(lines):
        x, y = 100.0, top + 60 * number
        words = []
        for word in text.split():
            words.append(OcrWord(word, confidence, x, y, x + 20 * len(word), y + 30))
            x += 20 * (len(word) + 1)
        made.append(OcrLine(words, base=y + 30, size=40, block=0))
    return Reading(made, turn=turn, language="eng")
