"""What MuPDF gets wrong about single letters of some scripts, put right from where each letter stands.

*Lam-alef*, the Arabic ligature of two letters: MuPDF turns a run of Arabic from the order of drawing to that
of reading letter by letter, but a ligature is one glyph, and its font gives its letters in the order of
reading already: what was right is turned. The second letter of such a glyph has no width, which tells it from
letters drawn one by one.

*Spaces*: where a document moves on instead of drawing one, MuPDF writes a space behind Latin, Greek,
Cyrillic, Hebrew and Arabic letters only (`may_add_space`), so words of Korean, Hindi and others are one. And
it wants 0.15 of the font's size for one; where a run comes out as one very long word, 0.1 will do.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from ingestkit_pdf.pdf.blocks import Block

__all__ = ["is_run_together", "needs_letters", "put_right"]

_LAM = "\u0644"
_ALEFS = frozenset("\u0622\u0623\u0625\u0627\u0671")
_SIZE = re.compile(rb' size="([\d.]+)"')
_LETTER = re.compile(rb'<char c="([^"]*)"')
_CHAR = re.compile(rb'<char c="([^"]*)" quad="([-\d.e]+) [-\d.e]+ ([-\d.e]+) ')
_SPACED = re.compile("[\u0900-\u10ff\u1100-\u13ff\uac00-\ud7af]")
_LONG = re.compile(r"[A-Za-z]{25}")
_LETTERS = 12  # on average, to a space: words are not so long
_GAP = 0.15  # of the font's size: MuPDF's own measure of a space
_NARROW_GAP = 0.1  # of the font's size: a space in runs that come out as one long word
_NO_WIDTH = 0.01  # points: less has the second letter of a ligature


def needs_letters(blocks: Iterable[Block]) -> bool:
    """True when a page has letters that may have to be put right."""
    texts = [run.text for block in blocks for run in block.lines]
    beyond = [text for text in texts if not text.isascii()]
    if any(_LAM in text for text in beyond):
        return True
    if not any(map(_SPACED.search, beyond)):
        return False
    return sum(text.count(" ") for text in texts) * _LETTERS < sum(map(len, texts))


def is_run_together(text: str) -> bool:
    """True when a text seems to be words without the spaces between them."""
    return text.count(" ") * _LETTERS < len(text) and _LONG.search(text) is not None


def put_right(blocks: Iterable[Block], letters: Sequence[bytes]) -> None:
    """Put the letters of runs in order and spaces between their words, in place.

    Args:
        blocks: Of a page.
        letters: The runs of the same page letter by letter, see `PageContent.letters`.
    """
    right: dict[str, str] = {}
    for xml in letters:
        wrong = "".join(map(_letter, _LETTER.findall(xml)))
        if _LAM in wrong:
            right[wrong] = _turned(_chars(xml))
        elif _SPACED.search(wrong):
            right[wrong] = _spaced(_chars(xml), _GAP * _size(xml))
        elif _LONG.search(wrong):
            right[wrong] = _spaced(_chars(xml), _NARROW_GAP * _size(xml))
    for block in blocks:
        for run in block.lines:
            run.text = right.get(run.text, run.text)


def _chars(xml: bytes) -> list[tuple[str, float, float]]:
    """Each letter with its left and right edge."""
    return [(_letter(code), float(x0), float(x1)) for code, x0, x1 in _CHAR.findall(xml)]


@lru_cache(maxsize=4096)
def _letter(code: bytes) -> str:
    """A letter that XML may have as its number."""
    return html.unescape(code.decode("utf-8", "replace"))


def _size(xml: bytes) -> float:
    """The font size of a run, in points."""
    match = _SIZE.search(xml)
    return float(match.group(1)) if match else 0.0


def _turned(chars: list[tuple[str, float, float]]) -> str:
    letters = [letter for letter, _, _ in chars]
    for index in range(1, len(letters)):
        _, x0, x1 = chars[index - 1]
        if letters[index] == _LAM and letters[index - 1] in _ALEFS and abs(x1 - x0) < _NO_WIDTH:
            letters[index - 1], letters[index] = _LAM, letters[index - 1]
    return "".join(letters)


def _spaced(chars: list[tuple[str, float, float]], gap: float) -> str:
    text, end = chars[0][0], chars[0][2]
    for letter, x0, x1 in chars[1:]:
        if x0 - end > gap and not (text[-1].isspace() or letter.isspace()):
            text += " "
        text += letter
        end = max(end, x1)
    return text
