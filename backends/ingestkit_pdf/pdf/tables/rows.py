"""Lines of a table to its rows: which line begins a row, and which goes on with a cell above it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from ingestkit_pdf.pdf.tables.model import Word
from ingestkit_pdf.pdf.tables.textlines import TextLine

__all__ = ["LineCells", "cells_of_line", "group_rows", "is_value"]

_WORD_GAP = 0.36  # times the height of a line: wider gaps part cells
_SLACK_WIDTH, _SLACK_HEIGHT = (
    0.15,
    0.6,
)  # of a run's width and height, by which it may stick out of its column
_NO_STEP = 0.6  # of the height of a line: lines that are nearer stand beside each other
_NEXT_LINE, _NEXT_LABEL = 1.25, 1.3  # times the smallest step: lines of one cell, of one label
_BESIDE = 0.3  # of the height of the lower line that lines side by side share
_VALUE = re.compile(
    r"[(\[<>\u2264\u2265~\u2248+\-\u2010-\u2015\u2212\u00b1$\u20ac\u00a3\u00a5]*\s*"
    r"(?:\d[\d.,'\u2019\u00a0\u202f \u00b7:/%x\u00d7\-\u2013\u00b1()\[\]*\u2020\u2021]*"
    r"(?:e[+-]?\d+)?\s*[%\u2030\u20ac$kKmMbBn\u00b0]{0,3}[)\]*\u2020\u2021a-d]{0,3}"
    r"|[-\u2010-\u2015\u2212.*\u2022xX\u2713\u2717\u2714\u2718]+|n/?a\.?|n\.?d\.?|N/?A|\.\.+|:|yes|no|Yes|No)$"
)
_OPENS = re.compile(r"[a-z(&/+,;\u00df-\u00ff]")
_GOES_ON = re.compile(
    r"(?:[,\-\u2010\u2013/&(]|\b(?:and|or|of|the|for|in|to|by|with|from|on|at|und|et|de|y))$"
)


class LineCells:
    """One line of a table, cut at its columns.

    Attributes:
        line: The line.
        cells: (first column, last column, words), from left to right.
    """

    __slots__ = ("cells", "cols", "line")

    def __init__(self, line: TextLine, cells: list[tuple[int, int, list[Word]]]) -> None:
        self.line = line
        self.cells = cells
        self.cols = {col for first, last, _ in cells for col in range(first, last + 1)}

    @property
    def has_span(self) -> bool:
        """True when a cell stands over several columns."""
        return any(last > first for first, last, _ in self.cells)

    def text(self, col: int) -> str:
        """The text in a column."""
        for first, last, words in self.cells:
            if first <= col <= last:
                return " ".join([word.text for word in words])
        return ""


def is_value(text: str) -> bool:
    """True for what is no wording: a number, an amount, a date, a mark, a dash."""
    return bool(_VALUE.match(text))


def cells_of_line(line: TextLine, bounds: Sequence[float]) -> LineCells:
    """Cut a line at the bounds of its table's columns; text that runs over a bound spans the columns."""
    cells: list[tuple[int, int, list[Word]]] = []
    for run in line.runs(_WORD_GAP):
        x0, x1 = run[0].x0, max([word.x1 for word in run])
        slack = min(_SLACK_WIDTH * (x1 - x0), _SLACK_HEIGHT * line.height)
        first, last = bisect_right(bounds, x0 + slack), bisect_right(bounds, x1 - slack)
        if first > last:
            first = last = bisect_right(bounds, (x0 + x1) / 2)
        if cells and cells[-1][1] >= first:
            before = cells.pop()
            cells.append((before[0], max(before[1], last), [*before[2], *run]))
        else:
            cells.append((first, last, run))
    return LineCells(line, cells)


def group_rows(
    lines: Sequence[LineCells], rules: Sequence[float], header_lines: int
) -> list[list[LineCells]]:
    """Group the lines of a table into rows.

    Args:
        lines: From top to bottom.
        rules: y of horizontal rules; a row never goes on beyond one.
        header_lines: How many lines at the top belong to the header.
    """
    rows: list[list[LineCells]] = []
    steps = [b.line.middle - a.line.middle for a, b in pairwise(lines)]
    height = median(item.line.height for item in lines) if lines else 0.0
    tight = min((step for step in steps if step > _NO_STEP * height), default=height)
    for index, item in enumerate(lines):
        if index == 0:
            rows.append([item])
            continue
        above, below = lines[index - 1].line, item.line
        ruled = any(above.middle < y < below.middle for y in rules)
        if ruled:
            rows.append([item])
        elif _overlap(rows[-1], item) or (
            below.middle - above.middle <= _NEXT_LINE * tight
            and _goes_on(rows[-1], item, is_header=index < header_lines)
        ):
            rows[-1].append(item)
        else:
            rows.append([item])
    return _joined_labels(rows, rules, tight)


def _overlap(row: list[LineCells], item: LineCells) -> bool:
    """True when the line stands beside the last one: cells that are centred next to taller ones."""
    last = row[-1]
    shared = min(last.line.y1, item.line.y1) - max(last.line.y0, item.line.y0)
    lower = min(last.line.height, item.line.height)
    return shared > _BESIDE * lower and not last.cols & item.cols


def _goes_on(row: list[LineCells], item: LineCells, *, is_header: bool) -> bool:
    """True when the line is more text of cells that the row has begun."""
    filled = set().union(*(part.cols for part in row))
    if is_header:
        return not item.has_span and not any(part.has_span for part in row)
    if not item.cols <= filled or item.has_span:
        return False
    texts = [item.text(col) for col in sorted(item.cols)]
    if any(is_value(text) for text in texts):
        return False
    if 0 not in item.cols:
        return 0 in filled
    if len(item.cols) == 1 and len(filled) > 1:
        before = row[-1].text(0)
        return bool(_OPENS.match(texts[0]) or _GOES_ON.search(before))
    return False


def _joined_labels(
    rows: list[list[LineCells]], rules: Sequence[float], tight: float
) -> list[list[LineCells]]:
    """Join the first lines of a label that wraps before the line that has the row's values."""
    joined: list[list[LineCells]] = []
    for row in rows:
        if joined and _is_label(joined[-1]) and 0 in row[0].cols and len(row[0].cols) > 1:
            above, below = joined[-1][-1].line.middle, row[0].line.middle
            wraps = _OPENS.match(row[0].text(0)) or _GOES_ON.search(joined[-1][-1].text(0))
            if wraps and below - above <= _NEXT_LABEL * tight and not any(above < y < below for y in rules):
                joined[-1].extend(row)
                continue
        joined.append(row)
    return joined


def _is_label(row: list[LineCells]) -> bool:
    return all(part.cols == {0} for part in row)
