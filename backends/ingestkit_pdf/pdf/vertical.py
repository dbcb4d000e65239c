"""Vertical writing, as in Japanese books: columns of letters from the top, read from the right."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ingestkit_pdf.pdf.lines import Line

__all__ = ["goes_on", "in_columns", "is_vertical"]

_SHARE = 0.5  # of the lines of a page
_TO_THE_RIGHT = 0.1  # of the steps: tiers and notes go back, more is no order
_NEXT_COLUMN = 2.6  # times its size
_FULL = 1.5  # times the size: a column that goes on ends no further above the lowest
_SAME_SIZE = 0.06  # by which sizes of columns of one text may differ


def is_vertical(lines: Sequence[Line]) -> bool:
    """True when the text of a page is written vertically."""
    return sum(1 for line in lines if line.vertical) > _SHARE * len(lines)


def in_columns(lines: list[Line]) -> list[Line]:
    """The lines in the order of the content where that goes to the left, else from the right."""
    steps = sum(1 for last, line in pairwise(lines) if line.x0 > last.x0 + last.size)
    if steps <= max(1, _TO_THE_RIGHT * len(lines)):
        return lines
    return sorted(lines, key=lambda line: (-line.x1, line.y0))


def goes_on(last: Line, line: Line, lines: Sequence[Line]) -> bool:
    """True when a column goes on with the one before: that is full, and this one begins at the top.

    Args:
        last: The column before.
        line: The column.
        lines: All that stand in the same region: they say where its columns begin and end.
    """
    size = max(last.size, line.size)
    if abs(last.size - line.size) > _SAME_SIZE * size or not 0 < last.x0 - line.x0 <= _NEXT_COLUMN * size:
        return False
    top, bottom = min(other.y0 for other in lines), max(other.y1 for other in lines)
    return last.y1 > bottom - _FULL * size and line.y0 < top + 0.5 * size
