"""Which pages may have a table: decided from the lines that are there anyway, in microseconds."""

from __future__ import annotations

from collections.abc import Iterable

from ingestkit_pdf.pdf.lines import Line

__all__ = ["may_have_tables"]

_BASE_STEP = 200  # hundredths of a point: baselines in the same step are one row
_CELL_CHARS = 28  # longer pieces of text side by side are columns of prose
_FEW_VECTORS = 4  # painted paths; with fewer nothing is ruled
_ROWS_RULED = 2  # rows of short pieces for a page with paths to be looked at
_ROWS_BARE = 4  # and for one without
_REACH = 60  # steps, 120 points: four rows of a table stand closer


def may_have_tables(lines: Iterable[Line], vector_count: int) -> bool:
    """True when several rows of the page are short pieces of text side by side.

    Two such rows are enough where something is drawn; without any rule a table needs four, not far apart.
    """
    pieces: dict[int, int] = {}
    short: set[int] = set()
    for line in lines:
        if line.upright:
            row = line.base // _BASE_STEP
            pieces[row] = pieces.get(row, 0) + line.cells
            if len(line.text) <= _CELL_CHARS * line.cells:
                short.add(row)
    wide = [row for row in short if pieces[row] > 1]
    if vector_count >= _FEW_VECTORS:
        return len(wide) >= _ROWS_RULED
    wide.sort()
    return any(last - first <= _REACH for first, last in zip(wide, wide[_ROWS_BARE - 1 :], strict=False))
