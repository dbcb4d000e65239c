"""Tables that go on over several pages: which belong together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from ingestkit_pdf.models import TableResult
from ingestkit_pdf.pdf.lines import Line
from ingestkit_pdf.pdf.tables.flow import TableLine
from ingestkit_pdf.pdf.tables.header import column_names
from ingestkit_pdf.pdf.tables.render import table_name, table_result

__all__ = ["Stitcher", "TablesInFlow", "tables_in_flow"]

_EDGE = 600  # hundredths of a point by which the sides of a table may move from page to page


@dataclass(frozen=True, slots=True)
class TablesInFlow:
    """The tables of a page, from top to bottom, and what stands around them.

    Attributes:
        tables: As they stand among the lines.
        is_empty: The page has neither tables nor other lines.
        opens, closes: No upright line stands above the first table; below the last one.
    """

    tables: list[TableLine]
    is_empty: bool
    opens: bool = False
    closes: bool = False


def tables_in_flow(lines: Sequence[Line]) -> TablesInFlow:
    """Look for tables among the lines of a page, headers and footers taken out."""
    tables = [line for line in lines if isinstance(line, TableLine)]
    if not tables:
        return TablesInFlow([], is_empty=not lines)
    first, last = tables[0], tables[-1]
    return TablesInFlow(
        tables,
        is_empty=False,
        opens=not any(line.y1 <= first.y0 and line.upright for line in lines if line is not first),
        closes=not any(line.y0 >= last.y1 and line.upright for line in lines),
    )


class Stitcher:
    """Takes the pages of a document in order and gives its tables, those that go on linked.

    A table at the top of a page goes on with the one at the bottom of the page before when both have as many
    columns and their headers agree, or when it repeats no header and stands in the same place.

    Args:
        similarity: How far headers must agree, from 0 to 1.
    """

    def __init__(self, similarity: float) -> None:
        self._similarity = similarity
        self._open: TableLine | None = None
        self._open_page = 0
        self._tables: list[tuple[TableLine, bool]] = []
        self._groups: dict[int, str] = {}

    def add(self, page_number: int, page: TablesInFlow) -> None:
        """Add the tables of a page."""
        if not page.tables:
            if not page.is_empty:
                self._open = None
            return
        first, last = page.tables[0], page.tables[-1]
        follows = (
            self._open is not None
            and self._open_page == page_number - 1
            and page.opens
            and self._agree(self._open, first)
        )
        if follows and self._open is not None:
            begin = self._open
            name = self._groups.setdefault(id(begin), table_name(begin.number, begin.index))
            self._groups[id(first)] = name
        self._tables.extend((table, follows and table is first) for table in page.tables)
        self._open, self._open_page = (last if page.closes else None), page_number

    def results(self) -> list[TableResult]:
        """The document's tables in order."""
        return [
            table_result(line, is_continuation=follows, group=self._groups.get(id(line)))
            for line, follows in self._tables
        ]

    def _agree(self, before: TableLine, after: TableLine) -> bool:
        if before.table.col_count != after.table.col_count:
            return False
        ours, theirs = column_names(before.table), column_names(after.table)
        if theirs is None:
            return abs(before.x0 - after.x0) <= _EDGE and abs(before.x1 - after.x1) <= _EDGE
        if ours is None:
            return False
        matcher = SequenceMatcher(None, "\n".join(ours), "\n".join(theirs), autojunk=False)
        return matcher.ratio() >= self._similarity
