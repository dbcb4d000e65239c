"""A page or an area of it, read as it stands upright: painted, turned as the engine says, painted again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.pdf.mupdf import PageContent
from ingestkit_pdf.pdf.ocr.geometry import Box, Turn, fitting_dpi, turned
from ingestkit_pdf.pdf.ocr.model import (
    OcrEngine,
    OcrLine,
    OcrTimeoutError,
    OcrWord,
    Reading,
    mean_confidence,
)
from ingestkit_pdf.pdf.ocr.render import render

__all__ = ["Upright", "read_upright"]

_MOST_TURNS = 3  # upright, straight, and once more where what was read was doubtful


@dataclass(frozen=True, slots=True)
class Upright:
    """What was read, and how the page or area was turned for it; in points."""

    reading: Reading
    turn: Turn
    dpi: int

    def box(self, box: Box) -> Box:
        """Where a box of the picture is on the turned page, in points."""
        scale = 72 / self.dpi
        return box[0] * scale, box[1] * scale, box[2] * scale, box[3] * scale

    def box_on_page(self, box: Box) -> Box:
        """Where it is on the page."""
        return self.turn.back(self.box(box))

    def without(self, is_out: Callable[[OcrWord], bool]) -> list[OcrLine]:
        """The lines without some of their words."""
        kept = []
        for line in self.reading.lines:
            words = [word for word in line.words if not is_out(word)]
            if words:
                kept.append(OcrLine(words, line.base, line.size, line.block, line.is_upright))
        return kept


def read_upright(
    content: PageContent,
    area: Box,
    engine: OcrEngine,
    config: PDFProcessorConfig,
    time_left: Callable[[], float],
) -> Upright:
    """Read an area of a page, in points.

    Args:
        content: The page.
        area: Of the page as it is displayed.
        engine: What reads.
        config: Languages, resolution.
        time_left: Seconds that it may take from now on.

    Raises:
        OcrError: The engine failed, or took too long.
        ParserError: The page cannot be painted.
        OutOfMemoryError: Its picture is too large for this process.
    """
    degrees = 0.0
    best: Upright | None = None
    for turns in range(_MOST_TURNS + 1):
        turn = turned(area, degrees)
        dpi = fitting_dpi(turn.width, turn.height, config.ocr_dpi, config.ocr_max_pixels)
        picture = render(content, turn, dpi)
        if (left := time_left()) <= 0:
            raise OcrTimeoutError("no time left")
        reading = engine.read(picture, config.ocr_languages, seconds=left, may_turn=turns < _MOST_TURNS)
        found = Upright(reading, turn, dpi)
        if best is None or mean_confidence(reading.words) > mean_confidence(best.reading.words):
            best = found
        if not reading.turn:
            break
        degrees = (degrees + reading.turn + 180) % 360 - 180
    assert best is not None
    return best
