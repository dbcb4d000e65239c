"""A grid with walls: the rows and columns of a table, and which of its cells are merged."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

from ingestkit_pdf.pdf.tables.model import Cell, Rule, Word
from ingestkit_pdf.pdf.tables.rules import Frame

__all__ = ["Lattice", "lattice_of"]

_CLUSTER = 3.0  # edges nearer than this are one edge
_SLIVER, _FLAT = 8.0, 5.0  # columns narrower and rows lower than this hold no text
_NEAR = 4.5  # a rule so near to an edge draws it
_COVER = 0.55  # of a cell's side must be drawn for a wall to be there


class Lattice:
    """Edges of rows and columns, and a wall or none between each two neighbouring cells.

    Attributes:
        xs, ys: Edges in order; one more than there are columns and rows.
        right: `right[row][col]`: there is a wall between this cell and the one to the right.
        below: `below[row][col]`: there is a wall between this cell and the one below.
    """

    __slots__ = ("below", "right", "xs", "ys")

    def __init__(self, xs: list[float], ys: list[float]) -> None:
        self.xs = xs
        self.ys = ys
        self.right = [[True] * self.cols for _ in range(self.rows)]
        self.below = [[True] * self.cols for _ in range(self.rows)]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.ys) - 1

    @property
    def cols(self) -> int:
        """Number of columns."""
        return len(self.xs) - 1

    def by_row(self, words: Sequence[Word]) -> list[list[Word]]:
        """The words of each row, by their middles; what sticks out belongs to the outermost."""
        return _sorted_in(words, self.ys, 1, 3)

    def by_col(self, words: Sequence[Word]) -> list[list[Word]]:
        """The words of each column, likewise."""
        return _sorted_in(words, self.xs, 0, 2)

    def split_row(self, row: int, edges: Sequence[float]) -> None:
        """Cut a row at the given y."""
        inner = [y for y in edges if self.ys[row] < y < self.ys[row + 1]]
        self.ys[row + 1 : row + 1] = inner
        for _ in inner:
            self.right.insert(row, list(self.right[row]))
            self.below.insert(row, [True] * self.cols)

    def split_col(self, col: int, edges: Sequence[float], rows: Sequence[bool]) -> None:
        """Cut a column at the given x; `rows` says in which rows there is a wall, the others span it."""
        inner = [x for x in edges if self.xs[col] < x < self.xs[col + 1]]
        self.xs[col + 1 : col + 1] = inner
        for row in range(self.rows):
            for _ in inner:
                self.right[row].insert(col, rows[row])
                self.below[row].insert(col, self.below[row][col])

    def wall_gaps(self, row: int, runs: Sequence[tuple[float, float]]) -> None:
        """Put walls in a row where text stands on both sides of an edge and none crosses it."""
        for col, x in enumerate(self.xs[1:-1]):
            if self.right[row][col] or any(x0 < x - 1 and x1 > x + 1 for x0, x1 in runs):
                continue
            left, right = self.xs[col], self.xs[col + 2]
            beside = any(left <= (x0 + x1) / 2 < x for x0, x1 in runs)
            if beside and any(x < (x0 + x1) / 2 <= right for x0, x1 in runs):
                self.right[row][col] = True

    def merged(self) -> tuple[list[tuple[int, int, int, int]], list[list[int]]]:
        """The cells, merged where there are no walls, and for each field of the grid which cell it is in.

        A cell is (first row, first column, last row, last column).
        """
        rows, cols = self.rows, self.cols
        owner: list[list[int]] = [[-1] * cols for _ in range(rows)]
        areas: list[tuple[int, int, int, int]] = []
        for row in range(rows):
            right, below, owned = self.right[row], self.below[row], owner[row]
            for col in range(cols):
                if owned[col] >= 0:
                    continue
                last_col, last_row = col, row
                while last_col + 1 < cols and not right[last_col] and owned[last_col + 1] < 0:
                    last_col += 1
                if not below[col]:
                    while last_row + 1 < rows and self._open_below(owner, last_row, col, last_col):
                        last_row += 1
                if last_row == row and last_col == col:
                    owned[col] = len(areas)
                else:
                    for r in range(row, last_row + 1):
                        owner[r][col : last_col + 1] = [len(areas)] * (last_col + 1 - col)
                areas.append((row, col, last_row, last_col))
        return areas, owner

    def _open_below(self, owner: list[list[int]], row: int, col: int, last_col: int) -> bool:
        """True when the row of cells below belongs to the same merged cell."""
        if any(self.below[row][col : last_col + 1]):
            return False
        if max(owner[row + 1][col : last_col + 1]) >= 0:
            return False
        return not any(self.right[row + 1][col:last_col])

    def drop_empty(self, cells: list[Cell]) -> tuple[list[Cell], list[int], list[int]]:
        """Renumber cells so that rows and columns without text vanish; also the numbers that stay."""
        rows = sorted({cell.row for cell in cells})
        cols = sorted({cell.col for cell in cells})
        if len(rows) < self.rows or len(cols) < self.cols:
            row_at = [bisect_right(rows, row) - 1 for row in range(self.rows)]
            col_at = [bisect_right(cols, col) - 1 for col in range(self.cols)]
            for cell in cells:
                cell.row, cell.last_row = row_at[cell.row], row_at[cell.last_row]
                cell.col, cell.last_col = col_at[cell.col], col_at[cell.last_col]
        return cells, rows, cols


def _sorted_in(words: Sequence[Word], edges: list[float], low: int, high: int) -> list[list[Word]]:
    count = len(edges) - 1
    bands: list[list[Word]] = [[] for _ in range(count)]
    for word in words:
        middle = (word[low] + word[high]) / 2  # type: ignore[operator]
        bands[bisect_right(edges, middle, 1, count) - 1].append(word)
    return bands


def lattice_of(frame: Frame, words: Sequence[Word]) -> Lattice | None:
    """The grid that rules draw around words; None where they enclose nothing.

    Sides that are not drawn count as drawn: many tables are open to the left and right. Cells with borders of
    their own leave slivers between them that no text stands in: their two edges are one.
    """
    x0, y0, x1, y1 = frame.box
    xs = _clustered([rule.at for rule in frame.vertical] + [x0, x1])
    ys = _clustered([rule.at for rule in frame.horizontal] + [y0, y1])
    xs = _without_slivers(xs, sorted((word.x0 + word.x1) / 2 for word in words), _SLIVER)
    ys = _without_slivers(ys, sorted((word.y0 + word.y1) / 2 for word in words), _FLAT)
    if len(xs) < 2 or len(ys) < 2:
        return None
    lattice = Lattice(xs, ys)
    for col, x in enumerate(xs[1:-1]):
        rules = [rule for rule in frame.vertical if abs(rule.at - x) <= _NEAR]
        for row, (top, bottom) in enumerate(pairwise(ys)):
            lattice.right[row][col] = _is_drawn(rules, top, bottom)
    for row, y in enumerate(ys[1:-1]):
        rules = [rule for rule in frame.horizontal if abs(rule.at - y) <= _NEAR]
        for col, (left, right) in enumerate(pairwise(xs)):
            lattice.below[row][col] = _is_drawn(rules, left, right)
    return lattice


def _clustered(values: list[float]) -> list[float]:
    values.sort()
    groups: list[list[float]] = []
    for value in values:
        if groups and value - groups[-1][-1] <= _CLUSTER:
            groups[-1].append(value)
        else:
            groups.append([value])
    return [sum(group) / len(group) for group in groups]


def _without_slivers(edges: list[float], middles: list[float], limit: float) -> list[float]:
    kept: list[float] = []
    for edge in edges:
        if (
            kept
            and edge - kept[-1] < limit
            and bisect_right(middles, kept[-1]) == bisect_right(middles, edge)
        ):
            kept[-1] = (kept[-1] + edge) / 2
        else:
            kept.append(edge)
    return kept


def _is_drawn(rules: Sequence[Rule], start: float, end: float) -> bool:
    """True when rules cover most of the way from `start` to `end`."""
    covered = 0.0
    for _, first, last in rules:
        if first <= start and last >= end:  # the usual case
            return True
        if last > start and first < end:
            covered += (last if last < end else end) - (first if first > start else start)
    return covered >= _COVER * (end - start)
