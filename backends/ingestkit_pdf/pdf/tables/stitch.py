"""Tables that go on over several pages: which belong together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
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
    """The tables of a page in the order of reading, and what stands around them.

    Attributes:
        tables: As they stand among the lines.
        is_empty: The page has neither tables nor other lines.
        first: Those above which no upright line stands, nor another table.
        last: Those below which none does.
    """

    tables: list[TableLine]
    is_empty: bool
    first: list[TableLine] = field(default_factory=list)
    last: list[TableLine] = field(default_factory=list)


def tables_in_flow(lines: Sequence[Line]) -> TablesInFlow:
    """Look for tables among the lines of a page in the order of reading; they are numbered in it.

    Args:
        lines: Of the page, headers and footers taken out.
    """
    tables = [line for line in lines if isinstance(line, TableLine)]
    if not tables:
        return TablesInFlow([], is_empty=not lines)
    for index, table in enumerate(tables):
        table.index = index
    upright = [line for line in lines if line.upright]
    return TablesInFlow(
        tables,
        is_empty=False,
        first=[table for table in tables if not any(line.y1 <= table.y0 for line in upright)],
        last=[table for table in tables if not any(line.y0 >= table.y1 for line in upright)],
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
        self._open: list[TableLine] = []
        self._open_page = 0
        self._tables: list[TableLine] = []
        self._continues: set[int] = set()
        self._groups: dict[int, str] = {}

    def add(self, page_number: int, page: TablesInFlow) -> None:
        """Add the tables of a page."""
        self._tables.extend(page.tables)
        if page.is_empty:
            return
        if self._open_page == page_number - 1:
            for table in page.first:
                begin = next((other for other in self._open if self._agree(other, table)), None)
                if begin is not None:
                    self._open.remove(begin)
                    self._link(begin, table)
        self._open, self._open_page = list(page.last), page_number

    def _link(self, begin: TableLine, table: TableLine) -> None:
        name = self._groups.setdefault(id(begin), table_name(begin.number, begin.index))
        self._groups[id(table)] = name
        self._continues.add(id(table))

    def results(self) -> list[TableResult]:
        """The document's tables in order."""
        return [
            table_result(line, is_continuation=id(line) in self._continues, group=self._groups.get(id(line)))
            for line in self._tables
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
