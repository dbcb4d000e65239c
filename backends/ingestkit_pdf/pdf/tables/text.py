"""Tables without a grid of rules: columns of text that line up over several lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import median

from ingestkit_pdf.pdf.tables.caption import is_caption
from ingestkit_pdf.pdf.tables.contents import are_contents
from ingestkit_pdf.pdf.tables.model import Cell, Rule, Table
from ingestkit_pdf.pdf.tables.rows import LineCells, cells_of_line, group_rows, is_value
from ingestkit_pdf.pdf.tables.textlines import TextLine, column_bounds, joined

__all__ = ["find_aligned", "table_of_lines"]

_FAR = 2.4  # lines further apart than so many heights belong to different tables
_CROSSING = 0.6  # of the width of a group of lines, which a rule between its rows runs over
_PROSE_WIDTH = 0.6  # of the width of all lines: a single piece that is wider is prose
_SEVERAL = 0.4  # of the lines of a table have several pieces side by side
_TITLE_GAP = 0.6  # of the height of a line, between a heading over columns and these
_TITLE_LEFT, _TITLE_WIDTH = 0.25, 0.6  # of the table's width: where such a heading begins, and how wide it is
_FRAMED_FILL, _BARE_FILL, _FULL = (
    0.3,
    0.4,
    0.7,
)  # of the fields have text: in a frame, without, in a full table
_VALUES, _PAIR_VALUES = 0.2, 0.6  # of the cells are values: of a table, of a column of a table of two
_LED, _LONG = 0.2, 0.25  # of the rows have leaders, of the cells are long: contents, prose
_MAX_TITLES = 2  # lines above the first row that may belong to the header
_MAX_CELL = 45  # letters; longer is prose
_USUAL_CELL = 30  # letters, by the median; longer pieces are prose
_MARKER = re.compile(r"(?:\W|\(?[0-9a-zA-Z]{1,3}[.)]|\[\d+\])$")
_LEADERS = ("....", ". . .", "\u2026\u2026")


def find_aligned(lines: Sequence[TextLine], rules: Sequence[Rule]) -> list[Table]:
    """The tables among the lines of a column of the page, from top to bottom."""
    tables: list[Table] = []
    for group in _groups(lines):
        ys = _between(group, rules)
        table = table_of_lines(_without_caption(group, ys), ys, is_framed=False)
        if table is not None and not are_contents(table, _above(group, lines)):
            tables.append(table)
    return tables


def _above(group: Sequence[TextLine], lines: Sequence[TextLine]) -> list[str]:
    first = lines.index(group[0])
    return [*(line.text for line in lines[max(first - _MAX_TITLES, 0) : first]), joined(group[0].segments[0])]


def _between(group: Sequence[TextLine], rules: Sequence[Rule]) -> list[float]:
    """y of the rules that run over much of the group."""
    x0, x1 = min(line.x0 for line in group), max(line.x1 for line in group)
    y0, y1 = group[0].y0 - 6, group[-1].y1 + 6
    return [
        rule.at
        for rule in rules
        if y0 <= rule.at <= y1 and min(rule.end, x1) - max(rule.start, x0) > _CROSSING * (x1 - x0)
    ]


def _groups(lines: Sequence[TextLine]) -> list[list[TextLine]]:
    """Runs of lines with several pieces of text side by side, with single pieces between or above them."""
    groups: list[list[TextLine]] = []
    current: list[TextLine] = []
    width = max((line.x1 for line in lines), default=0) - min((line.x0 for line in lines), default=0)
    for line in lines:
        if current and line.y0 - current[-1].y1 > _FAR * line.height:
            groups.append(current)
            current = []
        is_prose = len(line.segments) == 1 and line.x1 - line.x0 > _PROSE_WIDTH * width
        if is_prose:
            groups.append(current)
            current = []
            continue
        current.append(line)
    groups.append(current)
    return [trimmed for group in groups if (trimmed := _trimmed(group))]


def _without_caption(group: list[TextLine], ys: Sequence[float]) -> list[TextLine]:
    """What follows a caption with its label beside it, the caption's other lines and a note of units."""
    labels = [index for index, line in enumerate(group[: _MAX_TITLES + 1]) if is_caption(line.text)]
    if not labels:
        return group
    above = group[labels[-1]]
    lefts = [segment[0].x0 for segment in above.segments]
    first = labels[-1] + 1
    for line in group[first:]:
        is_ruled = any(above.middle < y < line.middle for y in ys)
        begins_there = any(abs(line.x0 - left) < line.height for left in lefts)
        if is_ruled or len(line.segments) > 1 or not (begins_there or line.text.startswith(("(", "["))):
            break
        above = line
        first += 1
    return group[first:]


def _trimmed(group: list[TextLine]) -> list[TextLine]:
    """Without single pieces at both ends; nothing where too little is left."""
    several = [index for index, line in enumerate(group) if len(line.segments) > 1]
    if len(several) < 3 or len(several) < _SEVERAL * (several[-1] - several[0] + 1):
        return []
    first, last = several[0], several[-1] + 1
    left, right = min(line.x0 for line in group[first:last]), max(line.x1 for line in group[first:last])
    for _ in range(_MAX_TITLES):
        if first == 0 or not _is_over_columns(group[first - 1], group[first], left, right):
            break
        first -= 1
    return group[first:last]


def _is_over_columns(line: TextLine, below: TextLine, left: float, right: float) -> bool:
    """True for a heading over some of the columns, directly above them: not over the first, not over all."""
    width = right - left
    return (
        below.y0 - line.y1 <= _TITLE_GAP * line.height
        and line.x0 > left + _TITLE_LEFT * width
        and line.x1 <= right + line.height
        and line.x1 - line.x0 < _TITLE_WIDTH * width
    )


def table_of_lines(lines: Sequence[TextLine], ys: Sequence[float], *, is_framed: bool) -> Table | None:
    """Make a table of the lines if they are one.

    Args:
        lines: From top to bottom.
        ys: y of horizontal rules between, above and below them.
        is_framed: Rules say that it is a table; else it must prove so by itself.
    """
    several = [line for line in lines if len(line.segments) > 1]
    bounds = column_bounds(several)
    if not bounds:
        return None
    cut = [cells_of_line(line, bounds) for line in lines]
    header = _header_lines(cut, ys)
    rows = group_rows(cut, ys, header)
    table = _table(rows, len(bounds) + 1)
    table.header_rows = (
        sum(1 for row in rows if row[-1].line.middle <= cut[header - 1].line.middle) if header else 0
    )
    return table if _is_table(table, is_framed=is_framed) else None


def _header_lines(lines: Sequence[LineCells], ys: Sequence[float]) -> int:
    """How many lines are above the first rule inside the table or, without rules, above the first value."""
    first = next(
        (i for i, item in enumerate(lines) if any(is_value(item.text(col)) for col in item.cols if col)), 0
    )
    inner = [y for y in ys if lines[0].line.middle < y < lines[-1].line.middle]
    if inner:
        ruled = sum(1 for item in lines if item.line.middle < inner[0])
        if ruled <= max(first, 4) and ruled < len(lines) / 2:
            return ruled
    return first if first < len(lines) / 2 else 0


def _table(rows: Sequence[Sequence[LineCells]], cols: int) -> Table:
    cells: list[Cell] = []
    words = [word for row in rows for part in row for word in part.line.words]
    for index, row in enumerate(rows):
        merged: list[tuple[int, int, list[str]]] = []
        for part in row:
            for first, last, run in part.cells:
                text = joined(run)
                for position, (a, b, texts) in enumerate(merged):
                    if first <= b and a <= last:
                        merged[position] = (min(a, first), max(b, last), [*texts, text])
                        break
                else:
                    merged.append((first, last, [text]))
        merged.sort()
        cells.extend(Cell(index, first, index, last, " ".join(texts)) for first, last, texts in merged)
    box = (
        min(word.x0 for word in words),
        min(word.y0 for word in words),
        max(word.x1 for word in words),
        max(word.y1 for word in words),
    )
    edges = [(min(part.line.y0 for part in row), max(part.line.y1 for part in row)) for row in rows]
    return Table(box, cells, len(rows), cols, words=words, row_edges=edges)


def _is_table(table: Table, *, is_framed: bool) -> bool:
    """True unless the lines are prose in columns, a list, contents, or a few words that happen to line up."""
    if table.row_count < 2 or table.col_count < 2:
        return False
    filled = len(table.cells) / (table.row_count * table.col_count)
    if is_framed:
        return filled > _FRAMED_FILL
    if table.row_count < 3 or filled < _BARE_FILL or _is_prose(table):
        return False
    body = [cell for cell in table.cells if cell.row >= table.header_rows]
    if table.col_count == 2:
        return table.row_count >= 4 and _pairs_values(body)
    values = sum(1 for cell in body if is_value(cell.text)) / max(len(body), 1)
    return values >= _VALUES or (table.row_count >= 4 and filled > _FULL)


def _is_prose(table: Table) -> bool:
    texts = [cell.text for cell in table.cells]
    leaders = sum(1 for text in texts if any(mark in text for mark in _LEADERS))
    long = sum(1 for text in texts if len(text) > _MAX_CELL)
    return (
        leaders > _LED * table.row_count
        or long > _LONG * len(texts)
        or median(len(text) for text in texts) > _USUAL_CELL
    )


def _pairs_values(body: Sequence[Cell]) -> bool:
    """True when one of two columns has values; bullets and numbers before items are none."""
    for col in (0, 1):
        texts = [cell.text for cell in body if cell.col == cell.last_col == col]
        if col == 0 and sum(1 for text in texts if _MARKER.match(text)) > 0.5 * len(texts):
            return False
        if texts and sum(1 for text in texts if is_value(text)) >= _PAIR_VALUES * len(texts):
            return True
    return False
