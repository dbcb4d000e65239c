"""Tesseract, in this process, through tesserocr. Its language data are the distribution's."""

from __future__ import annotations

import importlib
import math
import os
import time
from collections.abc import Iterator, Sequence
from typing import Any

from ingestkit_pdf._tessdata import BINDING, tessdata_folder
from ingestkit_pdf.pdf.ocr.model import (
    OcrError,
    OcrLine,
    OcrTimeoutError,
    OcrWord,
    Picture,
    Reading,
    mean_confidence,
)
from ingestkit_pdf.pdf.ocr.scripts import can_run_down, languages_of_script
from ingestkit_pdf.pdf.ocr.specks import ink_patches

__all__ = ["TesseractEngine", "load_binding"]

_ONE_THREAD = "OMP_THREAD_LIMIT"
_SIZE_OF_ROW = 1.09
"""Font size to what Tesseract calls the height of a row: from ascender to descender without the lead."""
_ORIENTATION = "osd"
_BY_TILES = "1"
"""What counts as ink is decided for each part of a picture: grey print is lost where one level is for all."""
_FLAT = 0.25  # of the font size: no letter or digit is so low
_LEADER = "......"
_MAX_SKEW = 20.0  # degrees; what looks more skewed is not the page
_SURE_OF_TURN = 2.0  # Tesseract's own unit; on ordinary pages it is 5 to 30
_SURE_OF_SCRIPT = 1.0  # Tesseract's own measure; below, the script is not told


def load_binding() -> Any | None:
    """Load the engine's library; None where it is not installed. 12 ms and 6 MiB, and no model.

    Before a worker is confined: it could not open the library's own libraries any more.
    """
    os.environ.setdefault(_ONE_THREAD, "1")  # a worker is one thread, and confined may start no other
    try:
        library = importlib.import_module(BINDING)
    except ImportError:
        return None
    library.set_leptonica_log_level(library.LeptLogLevel.NONE)
    return library


class TesseractEngine:
    """Reads pictures with Tesseract's neural recogniser; each language's model is loaded once.

    Text that leans by a small angle, or stands on its side or head, is not read: the answer says how to turn
    the picture. The angle comes with the search for lines, at no cost; whether the text stands on its head
    is asked only where what was read is doubtful.

    Args:
        min_skew: Degrees from which a picture is to be turned upright.
        max_patches: Of ink; with more a picture is noise, and columns are not looked for.
        doubtful: Mean confidence below which the orientation is asked for.
        clock: Seconds.

    Raises:
        OcrError: tesserocr is not installed.
    """

    name = "tesseract"

    def __init__(
        self,
        *,
        min_skew: float,
        max_patches: int,
        doubtful: float,
        clock: Any = time.monotonic,
    ) -> None:
        library = load_binding()
        if library is None:
            raise OcrError(f"{BINDING} is not installed")
        self._library = library
        self._folder = str(tessdata_folder() or "")
        self._min_skew = min_skew
        self._max_patches = max_patches
        self._doubtful = doubtful
        self._clock = clock
        self._apis: dict[str, Any] = {}

    def read(
        self, picture: Picture, languages: Sequence[str], *, seconds: float, may_turn: bool = True
    ) -> Reading:
        """Read a picture, see `OcrEngine`."""
        end = self._clock() + seconds
        script = ""
        chosen = languages_of_script(languages, "")
        if len(chosen) < len(languages):  # of several scripts: each model costs as much as the first
            turn, script = self._orientation(picture)
            if turn and may_turn:
                return Reading(turn=turn, script=script)
            chosen = languages_of_script(languages, script)
        api = self._api("+".join(chosen))
        noisy = ink_patches(picture) > self._max_patches
        try:
            turn = self._lay_out(api, picture, chosen, noisy=noisy, may_turn=may_turn)
            if turn:
                return Reading(turn=turn, script=script)
            lines = self._recognise(api, end)
        finally:
            api.Clear()
        reading = Reading(lines, language=_language(api), script=script)
        if may_turn and not script and not noisy and mean_confidence(reading.words) < self._doubtful:
            turn, script = self._orientation(picture)
            return Reading(lines, turn, reading.language, script)
        return reading

    def _lay_out(
        self, api: Any, picture: Picture, languages: Sequence[str], *, noisy: bool, may_turn: bool
    ) -> float:
        """Find columns and lines; by how much the picture has to be turned for them to stand straight."""
        modes = self._library.PSM
        _show(api, picture, modes.SINGLE_BLOCK if noisy else modes.AUTO)
        found = api.AnalyseLayout()
        if found is None or noisy or not may_turn:
            return 0.0
        skew, sideways = _posture(found, self._library)
        if sideways:
            # Lines that run up or down are those of a page that lies on its side, unless they are Chinese.
            least = _SURE_OF_TURN if can_run_down(languages) else 0.0
            turn, _ = self._orientation(picture, least)
            if turn:
                return turn
        return -skew if self._min_skew <= abs(skew) <= _MAX_SKEW else 0.0

    def _recognise(self, api: Any, end: float) -> list[OcrLine]:
        left = end - self._clock()
        if left <= 0 or not api.Recognize(max(int(left * 1000), 1)):
            raise OcrTimeoutError("not read in time")
        return list(_lines(api.GetIterator(), self._library))

    def _orientation(self, picture: Picture, least: float = _SURE_OF_TURN) -> tuple[float, str]:
        """By how many degrees the picture is to be turned, in quarters; its script where that is sure.

        The turn is 0 where the detector is less sure of it than `least`.
        """
        api = self._api(_ORIENTATION)
        try:
            _show(api, picture, self._library.PSM.OSD_ONLY)
            found = api.DetectOrientationScript()
        except RuntimeError:  # too little text to tell
            return 0.0, ""
        finally:
            api.Clear()
        if not found:
            return 0.0, ""
        turn = float(-found["orient_deg"] % 360) if found["orient_conf"] >= least else 0.0
        return turn, found["script_name"] if found["script_conf"] >= _SURE_OF_SCRIPT else ""

    def _api(self, languages: str) -> Any:
        api = self._apis.get(languages)
        if api is None:
            # The models of distributions are neural ones alone; orientation is told by one of the other kind.
            kinds = self._library.OEM
            kind = kinds.DEFAULT if languages == _ORIENTATION else kinds.LSTM_ONLY
            try:
                api = self._library.PyTessBaseAPI(path=self._folder, lang=languages, oem=kind)
            except RuntimeError as error:
                raise OcrError(f"Tesseract cannot load {languages}: its data are damaged") from error
            self._apis[languages] = api
        return api


def _show(api: Any, picture: Picture, mode: Any) -> None:
    api.SetPageSegMode(mode)
    api.SetVariable("thresholding_method", _BY_TILES)
    api.SetImageBytes(picture.samples, picture.width, picture.height, 1, picture.width)
    api.SetSourceResolution(picture.dpi)


def _posture(found: Any, library: Any) -> tuple[float, bool]:
    """The angle of most of the text, in degrees clockwise, and whether most of its lines run up or down."""
    level = library.RIL.BLOCK
    angles: dict[float, float] = {}
    sideways = 0.0
    while True:
        box = found.BoundingBox(level)
        if box is not None and found.BlockType() in _text_types(library):
            _, direction, _, skew = found.Orientation()
            area = float((box[2] - box[0]) * (box[3] - box[1]))
            angle = round(math.degrees(skew), 2)
            angles[angle] = angles.get(angle, 0.0) + area
            if direction == library.WritingDirection.TOP_TO_BOTTOM:
                sideways += area
        if not found.Next(level):
            break
    if not angles:
        return 0.0, False
    return max(angles, key=lambda angle: (angles[angle], -abs(angle))), sideways > sum(angles.values()) / 2


def _text_types(library: Any) -> set[int]:
    types = library.PT
    return {
        types.FLOWING_TEXT,
        types.HEADING_TEXT,
        types.PULLOUT_TEXT,
        types.VERTICAL_TEXT,
        types.CAPTION_TEXT,
        types.TABLE,
    }


def _lines(found: Any, library: Any) -> Iterator[OcrLine]:
    """The lines with their words; of what is no text, Tesseract gives a word of spaces."""
    if found is None:
        return
    levels, down = library.RIL, library.WritingDirection.TOP_TO_BOTTOM
    words: list[OcrWord] = []
    block = -1
    while True:
        if found.IsAtBeginningOf(levels.BLOCK):
            block += 1
        word = _word(found, levels.WORD)
        if word is not None:
            words.append(word)
        is_last = found.IsAtFinalElement(levels.TEXTLINE, levels.WORD)
        if is_last and words:
            row, (start, end) = found.RowAttributes(), found.Baseline(levels.TEXTLINE)
            size = row["row_height"] * _SIZE_OF_ROW
            upright = found.Orientation()[1] != down
            words = [_dots(word) if _is_flat(word, size) else word for word in words]
            yield OcrLine(words, (start[1] + end[1]) / 2, size, block, upright)
            words = []
        elif is_last:
            words = []
        if not found.Next(levels.WORD):
            break


def _word(found: Any, level: Any) -> OcrWord | None:
    if found.Empty(level):
        return None
    text = found.GetUTF8Text(level).strip()
    box = found.BoundingBox(level)
    if not text or box is None:
        return None
    return OcrWord(text, max(found.Confidence(level), 0.0) / 100, *box)


def _is_flat(word: OcrWord, size: float) -> bool:
    """True for leaders: Tesseract takes a row of dots for letters, which are never so low."""
    return word.y1 - word.y0 < _FLAT * size and any(letter.isalnum() for letter in word.text)


def _dots(word: OcrWord) -> OcrWord:
    return word._replace(text=_LEADER)


def _language(api: Any) -> str:
    languages = api.GetLoadedLanguages()
    return languages[0] if len(languages) == 1 else ""
