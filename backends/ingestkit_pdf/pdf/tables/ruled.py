"""Tables with rules: the grid that the rules draw, completed by the text where rules are missing."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import islice, pairwise
from statistics import median

from ingestkit_pdf.pdf.tables.lattice import Lattice, lattice_of
from ingestkit_pdf.pdf.tables.model import Box, Cell, Table, Word
from ingestkit_pdf.pdf.tables.rows import cells_of_line, group_rows, is_value
from ingestkit_pdf.pdf.tables.rules import Frame
from ingestkit_pdf.pdf.tables.textlines import TextLine, cell_text, column_bounds, text_lines

__all__ = ["inside", "table_of_frame"]

_MAX_EDGES = 400  # a finer grid is a drawing
_SAME_PLACE = 8.0  # twice the points by which the middles of words of one line differ
_MIN_FILLED = 0.25  # share of the fields of a table that has text
_MIN_DENSITY = 0.2  # of the fields of the grid have text; drawings have far fewer
_MIN_WIDE_ROWS = 0.5  # share of the rows with more than one cell; diagrams and boxes have fewer
_TALL = 1.9  # times the height of a word: a row that is taller may be several
_IN_COLUMN, _VALUES = 0.6, 0.7  # of the lines have text in a column, and of these texts are values
_MAX_TITLE = 160  # letters of a title in the first row
_MAX_CELL = 2000  # letters; a frame around the text of a page has more in one of its fields


def inside(words: Sequence[Word], box: Box, slack: float = 2.0) -> list[Word]:
    """The words whose middle lies in a box."""
    x0, y0, x1, y1 = 2 * (box[0] - slack), 2 * (box[1] - slack), 2 * (box[2] + slack), 2 * (box[3] + slack)
    return [word for word in words if x0 <= word[0] + word[2] <= x1 and y0 <= word[1] + word[3] <= y1]


def table_of_frame(frame: Frame, words: Sequence[Word]) -> Table | None:
    """The table that a frame of rules draws around words; None where it is a box or a drawing."""
    if len(frame.horizontal) + len(frame.vertical) > _MAX_EDGES:
        return None
    members = inside(words, frame.box)
    if len(members) < 4:
        return None
    lattice = lattice_of(frame, members)
    if lattice is None or lattice.rows * lattice.cols < 2:
        return None
    _complete(lattice, members)
    filled, fields = _fill(lattice, members)
    if len(filled) < _MIN_DENSITY * fields:
        return None
    first, last = _without_text_blocks([cell for cell, _ in filled], lattice)
    box = frame.box
    if first > 0 or last < lattice.rows - 1:
        filled = [(cell, words) for cell, words in filled if first <= cell.row and cell.last_row <= last]
        members = [word for _, words in filled for word in words]
        box = (box[0], lattice.ys[first], box[2], lattice.ys[last + 1])
    cells = [cell for cell, _ in filled]
    kept, rows, cols = lattice.drop_empty(cells)
    edges = [(lattice.ys[row], lattice.ys[row + 1]) for row in rows]
    table = Table(box, kept, len(rows), len(cols), words=members, row_edges=edges)
    table.col_bounds = [lattice.xs[col] for col in cols[1:]]
    return table if _is_table(table) else None


def _complete(lattice: Lattice, words: Sequence[Word]) -> None:
    """Cut columns and rows that rules leave together."""
    columns = lattice.by_col(words)
    for col in range(lattice.cols - 1, -1, -1):
        _cut_column(lattice, col, columns[col])
    tall = _TALL * sorted([word.y1 - word.y0 for word in words])[len(words) // 2]
    rows = lattice.by_row(words)
    for row in range(lattice.rows - 1, -1, -1):
        is_high = lattice.ys[row + 1] - lattice.ys[row] > tall and _has_several_values(rows[row])
        is_open = not all(lattice.right[row][:-1])
        if not (is_high or is_open):
            continue
        lines = text_lines(rows[row])
        if is_open:
            lattice.wall_gaps(row, [(run[0].x0, run[-1].x1) for line in lines for run in line.segments])
        if is_high and len(lines) > 1:
            lattice.split_row(row, _hidden_rows(lattice, lines))


def _has_several_values(words: Iterable[Word]) -> bool:
    values = (word for word in words if is_value(word.text))
    return len(list(islice(values, 2))) > 1


def _cut_column(lattice: Lattice, col: int, words: Sequence[Word]) -> None:
    """Cut a column of the grid where its text stands in several columns."""
    places = {int((word[1] + word[3]) / _SAME_PLACE) for word in words}
    if len(words) - len(places) < 3:  # next to nothing stands side by side
        return
    lines = text_lines(words)
    bounds = _hidden_columns(lines)
    if not bounds:
        return
    walls = [True] * lattice.rows
    for row, members in enumerate(lattice.by_row(words)):
        walls[row] = not any(cells_of_line(line, bounds).has_span for line in text_lines(members))
    lattice.split_col(col, bounds, walls)


def _hidden_columns(lines: Sequence[TextLine]) -> list[float]:
    several = [line for line in lines if len(line.segments) > 1]
    if len(several) < 3 or len(several) < 0.5 * len(lines):
        return []
    return column_bounds(several)


def _hidden_rows(lattice: Lattice, lines: Sequence[TextLine]) -> list[float]:
    """y between the rows of text that stand in one row of the grid; none where cells just have more lines."""
    cut = [cells_of_line(line, lattice.xs[1:-1]) for line in lines]
    several = [item for item in cut if len(item.cols) > 1]
    if len(several) < 2:
        return []
    by_column: dict[int, list[str]] = {}
    for item in cut:
        for first, last, run in item.cells:
            if first == last:
                by_column.setdefault(first, []).append(" ".join([word.text for word in run]))
    has_values = any(
        len(texts) >= 2 and len(texts) >= _IN_COLUMN * len(lines) and _share(texts) >= _VALUES
        for texts in by_column.values()
    )
    if not has_values:
        return []
    rows = group_rows(cut, (), 0)
    edges = []
    for above, below in pairwise(rows):
        bottom = max(part.line.y1 for part in above)
        top = min(part.line.y0 for part in below)
        edges.append((bottom + top) / 2)
    return edges


def _share(texts: Sequence[str]) -> float:
    return sum(1 for text in texts if is_value(text)) / len(texts)


def _fill(lattice: Lattice, words: Sequence[Word]) -> tuple[list[tuple[Cell, list[Word]]], int]:
    """The cells with text and their words, row by row, and how many cells there are with and without."""
    areas, owner = lattice.merged()
    content: defaultdict[int, list[Word]] = defaultdict(list)
    xs, last = lattice.xs, lattice.cols
    for owned, members in zip(owner, lattice.by_row(words), strict=True):
        for word in members:
            col = bisect_right(xs, (word[0] + word[2]) / 2, 1, last) - 1  # as `by_col`
            content[owned[col]].append(word)
    filled = [
        (Cell(*areas[index], cell_text(members)), members) for index, members in sorted(content.items())
    ]
    return filled, len(areas)


def _without_text_blocks(cells: Sequence[Cell], lattice: Lattice) -> tuple[int, int]:
    """The first and the last row between long texts over the whole width: those stand in the same box."""
    first, last = 0, lattice.rows - 1
    for cell in cells:
        if cell.col == 0 and cell.last_col == lattice.cols - 1 and len(cell.text) > _MAX_TITLE:
            if cell.row <= first:
                first = cell.last_row + 1
            else:
                last = min(last, cell.row - 1)
    return (first, last) if first <= last else (0, lattice.rows - 1)


def _is_table(table: Table) -> bool:
    if table.row_count < 2 or table.col_count < 2:
        return False
    covered = sum((cell.last_row - cell.row + 1) * (cell.last_col - cell.col + 1) for cell in table.cells) / (
        table.row_count * table.col_count
    )
    if covered < _MIN_FILLED or len(table.cells) < 4:
        return False
    counts = [0] * table.row_count
    for cell in table.cells:
        for row in range(cell.row, cell.last_row + 1):
            counts[row] += 1
    if sum(1 for count in counts if count > 1) <= _MIN_WIDE_ROWS * table.row_count:
        return False
    lengths = [len(cell.text) for cell in table.cells]
    return median(lengths) <= 200 and max(lengths) <= _MAX_CELL
