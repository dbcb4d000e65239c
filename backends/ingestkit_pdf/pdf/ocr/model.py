"""What an OCR engine is given and what it gives. Another engine is another class with `read`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

__all__ = [
    "OcrEngine",
    "OcrError",
    "OcrLine",
    "OcrTimeoutError",
    "OcrWord",
    "Picture",
    "Reading",
    "mean_confidence",
]


class OcrError(Exception):
    """The engine failed on a picture; `str()` says how, without any text of it."""


class OcrTimeoutError(OcrError):
    """The picture took longer than it may."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A page, or an area of it, as an image.

    Attributes:
        samples: Grey levels, one byte a pixel, row by row from the top, nothing between rows.
        width, height: In pixels.
        dpi: Pixels an inch of the page.
    """

    samples: bytes
    width: int
    height: int
    dpi: int


class OcrWord(NamedTuple):
    """A word, its box in pixels of the picture, and how sure the engine is of it, from 0 to 1."""

    text: str
    confidence: float
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class OcrLine:
    """Words on one line, in the order they are read.

    Attributes:
        words: At least one.
        base: y of the baseline in its middle, in pixels.
        size: Font size in pixels: what the letters' heights amount to.
        block: Lines of one block of text have the same number.
        is_upright: False for text that runs up or down the picture.
    """

    words: list[OcrWord]
    base: float
    size: float
    block: int
    is_upright: bool = True


@dataclass(frozen=True, slots=True)
class Reading:
    """What an engine made of a picture.

    Attributes:
        lines: In the order they are read.
        turn: Not 0 where the picture was not read, because its text does not stand upright: turn it by so
            many degrees clockwise and ask again.
        language: That most words are in, as the engine calls it.
        script: That of the letters, where the engine has looked at it: `Latin`, `Han`, ...
    """

    lines: list[OcrLine] = field(default_factory=list)
    turn: float = 0.0
    language: str = ""
    script: str = ""

    @property
    def words(self) -> list[OcrWord]:
        """The words of all lines."""
        return [word for line in self.lines for word in line.words]


class OcrEngine(Protocol):
    """Reads pictures of text. Gives the same for the same picture."""

    name: str

    def read(
        self, picture: Picture, languages: Sequence[str], *, seconds: float, may_turn: bool = True
    ) -> Reading:
        """Read a picture.

        Args:
            picture: What to read.
            languages: Those its text may be in, as `ocr_languages` names them.
            seconds: What it may take.
            may_turn: False where it is to be read as it stands.

        Raises:
            OcrTimeoutError: It took longer.
            OcrError: The engine failed.
        """
        ...


def mean_confidence(words: Sequence[OcrWord]) -> float:
    """Of words, each counting as much as it has letters; 0 without words."""
    letters = sum(len(word.text) for word in words)
    return sum(word.confidence * len(word.text) for word in words) / letters if letters else 0.0
