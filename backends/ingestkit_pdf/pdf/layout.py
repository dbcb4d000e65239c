"""Reading order: columns where a page has them, else the order in which the page was written.

MuPDF gives text in the order of the page's content stream, which for most producers is the order of
reading. What it gets wrong is text side by side: columns that were written line by line. So gutters are
looked for (bands of white with prose on both sides). A content order that goes down one column after the
other is kept; else what stands between two lines that cross the gutters is read column by column.
"""

from __future__ import annotations

from collections import Counter
from itertools import accumulate, pairwise
from operator import itemgetter

from ingestkit_pdf.pdf.lines import GUTTER_GAP, Line, Span
from ingestkit_pdf.pdf.mupdf import SCALE
from ingestkit_pdf.pdf.vertical import in_columns, is_vertical

__all__ = ["Region", "reading_order"]

_BINS = 200  # of the page's width, in which gaps between columns are looked for
_GUTTER_COVERAGE = 0.35  # of the most covered place: titles, figures and tables may cross a gutter
_MIN_COLUMN_LINES = 5  # fewer are no column
_NARROW_SHARE = 0.6  # of the lines at that place have a gap there, where a narrow gutter is
_COLUMN_APART = 50 * SCALE
"""Narrow gutters are no nearer to each other."""
_FEW_RUNS, _RUN_SHARE = 8, 0.25  # a content order that seldom changes columns is the author's own
_MIN_BAND_LINES = 5  # between two lines that cross the columns; fewer belong to these
_FEW_STEPS_BACK, _CHAOS = 3, 0.05  # share of lines that step back, beyond which the order means nothing
_MIN_LINE_WIDTH = 0.15  # of the page, on average: cells are shorter
_MAX_LEADING = 2.2  # times the size: double spacing
_LEADING_STEP = 50  # hundredths of a point
_LEADING_SHARE = 0.4  # of the lines
_SAME_ROW = 0.4  # of the font size: baselines of one row are no further apart
_PROSE_FILL = 0.55  # lines of prose fill their column; cells of a table do not


class Region:
    """Lines that are read from top to bottom: a column, or what spans the columns.

    Attributes:
        left, right: Where its text begins and ends, in hundredths of a point.
        is_aside: Its text runs another way than that of the page.
    """

    __slots__ = ("_leading", "is_aside", "left", "lines", "right")

    def __init__(self, lines: list[Line], *, is_aside: bool = False) -> None:
        self.lines = lines
        self.is_aside = is_aside
        self.left = min([line.x0 for line in lines])
        self.right = max([line.x1 for line in lines])
        self._leading = -1

    @property
    def leading(self) -> int:
        """The distance of baselines that is most common between lines of one size, at most 2.2 times that."""
        if self._leading < 0:
            steps: dict[int, int] = {}
            for last, line in pairwise(self.lines):
                step = line.base - last.base
                if last.size == line.size and 0 < step <= _MAX_LEADING * line.size:
                    step //= _LEADING_STEP
                    steps[step] = steps.get(step, 0) + 1
            most, count = max(steps.items(), key=itemgetter(1), default=(0, 0))
            is_common = count >= _LEADING_SHARE * len(self.lines)
            self._leading = (most + 1) * _LEADING_STEP if is_common else 0
        return self._leading


def reading_order(
    lines: list[Line], width: int, *, max_columns: int, min_gap: float, right_to_left: bool = False
) -> tuple[list[Region], bool]:
    """Put the lines of a page in reading order.

    Args:
        lines: In the order of the content stream.
        width: Of the page, in hundredths of a point.
        max_columns: More are not looked for.
        min_gap: Left edges of two columns are further apart than this share of the width.
        right_to_left: Read the columns from the right.

    Returns:
        The regions in order, and whether there is more than one column.
    """
    if not lines:
        return [], False
    aside = [line for line in lines if not line.upright]
    if aside and is_vertical(lines):  # no vertical line is upright
        return [Region(in_columns(lines))], False
    if 0 < len(aside) < 0.5 * len(lines):  # a stamp, the label of an axis: after the text
        lines = [line for line in lines if line.upright]
    else:
        aside = []
    regions, columns = _ordered(lines, width, max_columns, min_gap, right_to_left=right_to_left)
    if aside:
        regions.append(Region(aside, is_aside=True))
    return regions, columns


def _ordered(
    lines: list[Line], width: int, max_columns: int, min_gap: float, *, right_to_left: bool
) -> tuple[list[Region], bool]:
    pieces = [part for line in lines for part in (line.parts() if line.cells > 1 else (line,))]
    gutters = _gutters(pieces, width, max_columns, min_gap)
    if not gutters and (narrow := _narrow_gutters(pieces)):
        gutters = _gutters(_cut(pieces, narrow), width, max_columns, min_gap)
    if not gutters:
        return [Region(_content_order(lines, right_to_left=right_to_left))], False
    lines = [part for line in lines for part in _split_at(line, gutters)]
    runs = _runs(lines, gutters)
    if len(runs) <= max(_FEW_RUNS, _RUN_SHARE * len(lines)):
        return [Region(run) for run in runs], True
    regions: list[Region] = []
    for columns in _bands(lines, gutters):
        regions.extend(
            Region(column) for column in (reversed(columns) if right_to_left else columns) if column
        )
    return regions, True


def _split_at(line: Line, gutters: list[int]) -> list[Line]:
    """A line that was written across the gutters, cut at them; a line of one column as it is."""
    if (line.cells == 1 and not line.gaps) or _column(line, gutters) is not None:
        return [line]
    parts = _cut(line.parts(), gutters)
    return parts if all(_column(part, gutters) is not None for part in parts) else [line]


def _narrow_gutters(pieces: list[Line]) -> list[int]:
    """Where gaps that are too narrow to part cells stand one below the other, as between narrow columns.

    In one line alone such a gap is the space between two words of justified text.
    """
    with_gaps = [piece for piece in pieces if piece.gaps]
    if len(with_gaps) < _MIN_COLUMN_LINES:
        return []
    places: Counter[int] = Counter()
    for piece in with_gaps:
        for (*_, end), (*_, start, _) in pairwise(piece.spans):
            if start - end > GUTTER_GAP * piece.size:
                places.update(range(end // SCALE + 1, start // SCALE + 1))
    found: list[int] = []
    for place, count in places.most_common():
        if count < _MIN_COLUMN_LINES:
            break
        x = place * SCALE
        if any(abs(x - other) < _COLUMN_APART for other in found):
            continue
        if count >= _NARROW_SHARE * sum(1 for piece in pieces if piece.x0 < x < piece.x1):
            found.append(x)
    return sorted(found)


def _cut(lines: list[Line], gutters: list[int]) -> list[Line]:
    """Lines, cut at the gutters where they have a gap there, however narrow."""
    return [part for line in lines for part in (_cut_line(line, gutters) if line.gaps else (line,))]


def _cut_line(line: Line, gutters: list[int]) -> list[Line]:
    groups: dict[int | None, list[Span]] = {}
    for part in line.parts(GUTTER_GAP):
        groups.setdefault(_column(part, gutters), []).extend(part.spans)
    cut = [piece for spans in groups.values() if (piece := line.of(spans)) is not None]
    return [line] if None in groups else cut


def _runs(lines: list[Line], gutters: list[int]) -> list[list[Line]]:
    """The content order, cut where it moves to another column or across all of them."""
    runs: list[list[Line]] = []
    last: int | None = -1
    for line in lines:
        place = _column(line, gutters)
        if place != last:
            runs.append([])
            last = place
        runs[-1].append(line)
    return runs


def _bands(lines: list[Line], gutters: list[int]) -> list[list[list[Line]]]:
    """Cut the page from top to bottom where lines cross a gutter; each band is a list of columns.

    A band of columns with only a few lines between crossing ones (the authors of a paper, a legend) is no
    prose in columns: it goes with the crossing lines, in content order.
    """
    bands: list[tuple[bool, list[tuple[int, int | None, Line]]]] = []
    for index, line in sorted(enumerate(lines), key=lambda item: item[1].base):
        place = _column(line, gutters)
        crosses = place is None
        if not bands or bands[-1][0] != crosses:
            bands.append((crosses, []))
        bands[-1][1].append((index, place, line))
    result: list[list[list[Line]]] = []
    whole: list[tuple[int, int | None, Line]] = []
    for position, (crosses, members) in enumerate(bands):
        between = 0 < position < len(bands) - 1
        if crosses or (between and len(members) < _MIN_BAND_LINES):
            whole.extend(members)
            continue
        if whole:
            result.append([[line for _, _, line in sorted(whole, key=lambda item: item[0])]])
            whole = []
        columns: list[list[Line]] = [[] for _ in range(len(gutters) + 1)]
        for _, place, line in members:
            columns[place or 0].append(line)
        result.append(columns)
    if whole:
        result.append([[line for _, _, line in sorted(whole, key=lambda item: item[0])]])
    return result


def _column(line: Line, gutters: list[int]) -> int | None:
    """Index of the column the line stands in; None when it crosses a gutter."""
    for index, gutter in enumerate(gutters):
        if line.x1 <= gutter:
            return index
        if line.x0 < gutter:
            # A word or two may stick out; a line that goes on well beyond the gutter crosses it.
            return None
    return len(gutters)


def _content_order(lines: list[Line], *, right_to_left: bool) -> list[Line]:
    """The content's own order; where that is chaos, rows from top to bottom, each from its own side."""
    if _steps_back(lines) <= max(_FEW_STEPS_BACK, _CHAOS * len(lines)):
        return lines
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda item: item.base):
        if rows and abs(line.base - rows[-1][0].base) < _SAME_ROW * min(line.size, rows[-1][0].size):
            rows[-1].append(line)
        else:
            rows.append([line])
    sign = -1 if right_to_left else 1
    for row in rows:
        if len(row) > 1:
            row.sort(key=lambda item: sign * item.x0)
    return [line for row in rows for line in row]


def _steps_back(lines: list[Line]) -> int:
    """How often the order jumps above the place that it last jumped to.

    The next cell of a row, or the next column, goes up as well, but only to where the last one began.
    """
    count = 0
    begun = lines[0].base
    for last, line in pairwise(lines):
        if line.base < last.base - last.size:
            count += line.base < begun - last.size
            begun = line.base
    return count


def _gutters(lines: list[Line], width: int, max_columns: int, min_gap: float) -> list[int]:
    """x of the middle of each gutter between columns of prose, from left to right."""
    if len(lines) < 2 * _MIN_COLUMN_LINES or width <= 0 or max_columns < 2:
        return []
    gaps = _white_bands(lines, width)
    found: list[int] = []
    left = min([line.x0 for line in lines])
    end = max([line.x1 for line in lines])
    for start, stop in gaps:
        middle = (start + stop) // 2
        if middle - left < min_gap * width or end - middle < min_gap * width:
            continue
        found.append(middle)
        left = middle
    found = found[: max_columns - 1]
    return found if found and _is_prose(lines, found, width) else []


def _white_bands(lines: list[Line], width: int) -> list[tuple[int, int]]:
    """Vertical bands that hardly any line covers, inside the text, as (x0, x1)."""
    steps = [0] * (_BINS + 2)
    scale = _BINS / width
    for line in lines:
        a, b = int(line.x0 * scale), int(line.x1 * scale)
        a = 0 if a < 0 else _BINS if a > _BINS else a
        b = a if b < a else _BINS if b > _BINS else b
        steps[a] += 1
        steps[b + 1] -= 1
    cover = list(accumulate(steps[:_BINS]))
    limit = max(cover) * _GUTTER_COVERAGE
    inside = [index for index, value in enumerate(cover) if value > limit]
    return [
        (int((a + 1) / scale), int(b / scale))
        for a, b in pairwise(inside)
        if b - a >= 3  # 1 % of the page's width is the narrowest gutter in use
    ]


def _is_prose(lines: list[Line], gutters: list[int], width: int) -> bool:
    """True when every column has lines enough, and they are long enough and fill it."""
    columns: list[list[Line]] = [[] for _ in range(len(gutters) + 1)]
    for line in lines:
        place = _column(line, gutters)
        if place is not None:
            columns[place].append(line)
    for column in columns:
        if len(column) < _MIN_COLUMN_LINES:
            return False
        extent = max(line.x1 for line in column) - min(line.x0 for line in column)
        filled = sum(line.x1 - line.x0 for line in column)
        if filled < max(_PROSE_FILL * extent, _MIN_LINE_WIDTH * width) * len(column):
            return False
    return True
