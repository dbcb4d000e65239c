"""OCR of one page: what needs it is read, and joined with the text that the page has."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from ingestkit_pdf._tessdata import lacking_ocr
from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.errors import ErrorCode
from ingestkit_pdf.models import OcrWord as PlacedWord
from ingestkit_pdf.models import PageOcr
from ingestkit_pdf.pdf.garbled import has_wrong_letters
from ingestkit_pdf.pdf.lines import Line
from ingestkit_pdf.pdf.mupdf import SCALE, OutOfMemoryError, PageContent, ParserError
from ingestkit_pdf.pdf.ocr.gates import Need
from ingestkit_pdf.pdf.ocr.geometry import Box, Turn
from ingestkit_pdf.pdf.ocr.lines import make_lines
from ingestkit_pdf.pdf.ocr.model import (
    OcrEngine,
    OcrError,
    OcrLine,
    OcrTimeoutError,
    OcrWord,
    mean_confidence,
)
from ingestkit_pdf.pdf.ocr.scripts import script_of
from ingestkit_pdf.pdf.ocr.tesseract import TesseractEngine
from ingestkit_pdf.pdf.ocr.upright import Upright, read_upright
from ingestkit_pdf.pdf.source import RejectedError

__all__ = ["Ocr", "PageReading", "make_ocr"]


@dataclass(slots=True)
class PageReading:
    """What OCR made of a page.

    Attributes:
        lines: The page's text now: its own, unless that was garbled, and what was read.
        read: Those of them that were read.
        turn: How the page was turned for it, in hundredths of a point; the lines are those of the turned
            page.
        facts: For the result; None where nothing was looked at.
        is_answered: The page lacks no longer what it lacked.
        is_doubtful: The engine is less sure of its words than it should be.
        error: Why the page was not read.
        seconds: What it took.
    """

    lines: list[Line]
    read: list[Line] = field(default_factory=list)
    turn: Turn | None = None
    facts: PageOcr | None = None
    is_answered: bool = False
    is_doubtful: bool = False
    error: tuple[ErrorCode, str] | None = None
    seconds: float = 0.0

    def seen(self, content: PageContent) -> PageContent:
        """The page as its lines lie: a turned one has another size, and what is drawn does not count."""
        if self.turn is None:
            return content
        width, height = self.turn.width / SCALE, self.turn.height / SCALE
        return replace(content, width=width, height=height, rotation=90, blocks=[])


def make_ocr(config: PDFProcessorConfig) -> Ocr | None:
    """What reads the pages of a document that need OCR; None where that is not wanted.

    Raises:
        RejectedError: The engine was asked for by name, and it or one of the languages is not installed.
    """
    if config.ocr_engine == "none":
        return None
    if config.ocr_engine != "auto" and (lack := lacking_ocr(config.ocr_languages)):
        raise RejectedError(
            ErrorCode.E_OCR_ENGINE_UNAVAILABLE,
            f"ocr_engine = {config.ocr_engine!r} cannot run: {lack}",
            "ocr",
        )
    return Ocr(config)


class Ocr:
    """Reads the pages of one document that need it; the engine is loaded for the first of them.

    Args:
        config: Languages and limits.
        engine: What reads; None for Tesseract.
        clock: Seconds.
    """

    def __init__(
        self,
        config: PDFProcessorConfig,
        engine: OcrEngine | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._engine = engine
        self._clock = clock
        self._is_lacking: bool | None = None

    def read(self, content: PageContent, own: list[Line], need: Need) -> PageReading:
        """Read what of a page has to be read; without an engine, nothing.

        Args:
            content: The page.
            own: Its own lines; where the page was turned to be read, they get the boxes they have then.
            need: What to read.
        """
        engine = self._load()
        if engine is None:
            return PageReading(own)
        started = self._clock()
        end = started + self._config.ocr_page_seconds
        try:
            if need.areas:
                reading = self._read_areas(content, own, need, engine, end)
            else:
                reading = self._read_page(content, own, need, engine, end)
        except (OcrError, OutOfMemoryError, ParserError) as error:
            reading = PageReading(own, error=self._explained(error))
        reading.seconds = self._clock() - started
        return reading

    def _load(self) -> OcrEngine | None:
        if self._engine is None and self._is_lacking is None:
            config = self._config
            self._is_lacking = lacking_ocr(config.ocr_languages) is not None
            if not self._is_lacking:
                self._engine = TesseractEngine(
                    min_skew=config.ocr_min_skew_degrees,
                    max_patches=config.ocr_max_ink_patches,
                    doubtful=config.ocr_confidence_threshold,
                )
        return self._engine

    def _read_page(
        self, content: PageContent, own: list[Line], need: Need, engine: OcrEngine, end: float
    ) -> PageReading:
        area = (0.0, 0.0, content.width, content.height)
        found = read_upright(content, area, engine, self._config, lambda: end - self._clock())
        kept = found.without(self._out(found, [] if need.replaces else own))
        words = [word for line in kept for word in line.words]
        confidence, threshold = mean_confidence(words), self._config.ocr_confidence_threshold
        is_sure = confidence >= threshold and not (need.replaces and self._is_garbled(words))
        taken = kept if is_sure or not need.must_be_sure else []
        turn = _in_hundredths(found.turn) if found.turn.degrees and taken else None
        if turn is not None:
            turn.move_forth(own)
        read = make_lines(taken, found.box, 72 / found.dpi)
        return PageReading(
            lines=read if need.replaces and read else _merged(own, read),
            read=read,
            turn=turn,
            facts=_facts(
                engine, [found], words, len(words) if taken else 0, self._placed(found, taken), areas=0
            ),
            is_answered=bool(taken) or not need.must_be_sure,
            is_doubtful=bool(found.reading.words) and confidence < threshold,
        )

    def _read_areas(
        self, content: PageContent, own: list[Line], need: Need, engine: OcrEngine, end: float
    ) -> PageReading:
        """Read images on a page that has text; the doubtful words of a photograph are left out."""
        lines, all_read, all_found = own, list[Line](), list[Upright]()
        words: list[OcrWord] = []
        placed: list[PlacedWord] = []
        count, is_doubtful = 0, False
        for x0, y0, x1, y1 in need.areas:
            area = (x0 / SCALE, y0 / SCALE, x1 / SCALE, y1 / SCALE)
            found = read_upright(content, area, engine, self._config, lambda: end - self._clock())
            kept = found.without(self._out(found, own))
            here = [word for line in kept for word in line.words]
            all_found.append(found)
            words += here
            if here and mean_confidence(here) < self._config.ocr_confidence_threshold:
                is_doubtful = True
                continue
            count += len(here)
            placed += self._placed(found, kept)
            read = make_lines(kept, found.box_on_page, 72 / found.dpi)
            lines = _merged(lines, read)
            all_read += read
        return PageReading(
            lines=lines,
            read=all_read,
            facts=_facts(engine, all_found, words, count, placed, areas=len(need.areas)),
            is_answered=not is_doubtful,
            is_doubtful=is_doubtful,
        )

    def _placed(self, found: Upright, lines: Sequence[OcrLine]) -> list[PlacedWord]:
        """The words of the lines for the result, if it is to have them."""
        if not self._config.ocr_words:
            return []
        return [
            PlacedWord(
                text=word.text, box=_rounded(found.box_on_page(word[2:])), confidence=round(word[1], 4)
            )
            for line in lines
            for word in line.words
        ]

    def _out(self, found: Upright, own: Sequence[Line]) -> Callable[[OcrWord], bool]:
        """Tells which words are left out: noise, and what the page says itself in the same place."""
        least = self._config.ocr_word_confidence
        boxes = [(line.x0, line.y0, line.x1, line.y1) for line in own]

        def is_out(word: OcrWord) -> bool:
            if word.confidence < least:
                return True
            if not boxes:
                return False
            x0, y0, x1, y1 = found.box_on_page((word.x0, word.y0, word.x1, word.y1))
            x, y = (x0 + x1) / 2 * SCALE, (y0 + y1) / 2 * SCALE
            return any(box[0] <= x <= box[2] and box[1] <= y <= box[3] for box in boxes)

        return is_out

    def _is_garbled(self, words: Sequence[OcrWord]) -> bool:
        config = self._config
        return has_wrong_letters(
            " ".join(word.text for word in words),
            min_letters=config.garbled_min_letters,
            similarity=config.garbled_letter_similarity,
        )

    def _explained(self, error: Exception) -> tuple[ErrorCode, str]:
        if isinstance(error, OcrTimeoutError):
            seconds = self._config.ocr_page_seconds
            return ErrorCode.E_OCR_TIMEOUT, f"OCR of the page took longer than ocr_page_seconds = {seconds:g}"
        if isinstance(error, OutOfMemoryError):
            text = "the page's picture does not fit into the worker's memory: lower ocr_max_pixels"
        elif isinstance(error, ParserError):
            text = "the page cannot be painted: its content is broken"
        else:
            text = f"OCR of the page failed: {error}"
        return ErrorCode.E_OCR_FAILED, text


def _rounded(box: Box) -> Box:
    x0, y0, x1, y1 = (round(value, 2) for value in box)
    return x0, y0, x1, y1


def _in_hundredths(turn: Turn) -> Turn:
    return Turn(turn.degrees, turn.left * SCALE, turn.top * SCALE, turn.width * SCALE, turn.height * SCALE)


def _merged(own: list[Line], read: list[Line]) -> list[Line]:
    """Both, what was read before the first of the page's own lines that stands below its beginning."""
    if not (own and read):
        return own or read
    top = min(line.y0 for line in read)
    place = next((index for index, line in enumerate(own) if line.y0 >= top), len(own))
    return [*own[:place], *read, *own[place:]]


def _facts(
    engine: OcrEngine,
    found: Sequence[Upright],
    words: list[OcrWord],
    count: int,
    placed: list[PlacedWord],
    *,
    areas: int,
) -> PageOcr:
    first = found[0]
    return PageOcr(
        engine=engine.name,
        confidence=round(mean_confidence(words), 4),
        word_count=count,
        area_count=areas,
        dpi=min(each.dpi for each in found),
        turned_degrees=round(first.turn.degrees, 2) + 0.0,
        language=first.reading.language or None,
        script=script_of(" ".join(word.text for word in words)) or first.reading.script or None,
        words=placed,
    )
