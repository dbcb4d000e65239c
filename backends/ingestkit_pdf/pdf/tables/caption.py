"""The caption of a table: the line beside it that says so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ingestkit_pdf.pdf.captions import TABLE_CAPTION
from ingestkit_pdf.pdf.lines import Line

__all__ = ["find_caption", "is_caption"]

_REACH = 3.0  # heights of a line between caption and table
_MAX_LINES = 3  # of a caption
_MAX_CHARS = 400  # of a caption that are kept


def is_caption(text: str) -> bool:
    """True when a text begins as captions do: `Table 3.1`."""
    return bool(TABLE_CAPTION.match(text))


def find_caption(box: tuple[float, float, float, float], lines: Sequence[Line]) -> str | None:
    """The caption above or, failing that, below a table.

    Args:
        box: Of the table, in the units of the lines.
        lines: Of the page, in any order.
    """
    beside = [line for line in lines if line.upright and line.x1 > box[0] and line.x0 < box[2]]
    above = sorted((line for line in beside if line.base <= box[1] + line.size), key=lambda line: -line.base)
    edge = box[1]
    for count, line in enumerate(above[: _MAX_LINES + 1]):
        if edge - line.y1 > _REACH * line.size:
            break
        if is_caption(line.text):
            return _joined(reversed(above[: count + 1]))
        edge = line.y0
    below = sorted((line for line in beside if line.y0 >= box[3] - line.size), key=lambda line: line.base)
    if below and below[0].y0 - box[3] <= _REACH * below[0].size and is_caption(below[0].text):
        end = 1
        while end < min(len(below), _MAX_LINES) and below[end].y0 - below[end - 1].y1 < 0.5 * below[end].size:
            end += 1
        return _joined(below[:end])
    return None


def _joined(lines: Iterable[Line]) -> str:
    text = " ".join([line.text.strip() for line in lines])
    return text[:_MAX_CHARS]
