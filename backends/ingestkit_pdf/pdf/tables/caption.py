"""The caption of a table: the line beside it that says so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ingestkit_pdf.pdf.captions import TABLE_CAPTION
from ingestkit_pdf.pdf.lines import Line

__all__ = ["find_caption_above", "find_caption_below", "is_caption", "is_same_caption", "says_continued"]

_CONTINUED = re.compile(
    r"\b(?:cont(?:inued?|inues|'d|\u2019d|d)?\b|fortsetzung|forts\.|\(suite\)|suite$|continua(?:ci[o\u00f3]n|[c\u00e7][a\u00e3]o|zione)?\b"
    r"|vervolg|\u043f\u0440\u043e\u0434\u043e\u043b\u0436\u0435\u043d\u0438\u0435)|\u7eed\u8868|\u7d9a\u304d",
    re.IGNORECASE,
)
_REACH = 3.0  # heights of a line between caption and table
_MAX_LINES = 3  # of a caption
_MAX_CHARS = 400  # of a caption that are kept


def is_caption(text: str) -> bool:
    """True when a text begins as captions do: `Table 3.1`."""
    return bool(TABLE_CAPTION.match(text))


def says_continued(text: str) -> bool:
    """True for `Table 1 (continued)`, and for a note like `Continued on the next page`."""
    return bool(_CONTINUED.search(text))


def is_same_caption(before: str | None, after: str | None) -> bool:
    """True when a caption may be that of the rest of a table: it says so, has the same label, or is none."""
    if after is None or says_continued(after):
        return True
    ours, theirs = TABLE_CAPTION.match(before or ""), TABLE_CAPTION.match(after)
    return before == after or (ours is not None and theirs is not None and ours.group() == theirs.group())


def find_caption_above(box: tuple[float, float, float, float], lines: Sequence[Line]) -> str | None:
    """The caption above a table.

    Args:
        box: Of the table, in the units of the lines.
        lines: Of the page, in any order.
    """
    above = [line for line in _beside(box, lines) if line.base <= box[1] + line.size]
    above.sort(key=lambda line: -line.base)
    edge = box[1]
    for count, line in enumerate(above[: _MAX_LINES + 1]):
        if edge - line.y1 > _REACH * line.size:
            break
        if is_caption(line.text):
            return _joined(reversed(above[: count + 1]))
        edge = line.y0
    return None


def find_caption_below(box: tuple[float, float, float, float], lines: Sequence[Line]) -> str | None:
    """The caption below a table, likewise."""
    below = [line for line in _beside(box, lines) if line.y0 >= box[3] - line.size]
    below.sort(key=lambda line: line.base)
    if below and below[0].y0 - box[3] <= _REACH * below[0].size and is_caption(below[0].text):
        end = 1
        while end < min(len(below), _MAX_LINES) and below[end].y0 - below[end - 1].y1 < 0.5 * below[end].size:
            end += 1
        return _joined(below[:end])
    return None


def _beside(box: tuple[float, float, float, float], lines: Sequence[Line]) -> list[Line]:
    return [line for line in lines if line.upright and line.x1 > box[0] and line.x0 < box[2]]


def _joined(lines: Iterable[Line]) -> str:
    text = " ".join([line.text.strip() for line in lines])
    return text[:_MAX_CHARS]
