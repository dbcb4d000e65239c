"""Tables that go on over several pages: which belong together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from ingestkit_pdf.models import TableResult
from ingestkit_pdf.pdf.lines import Line
from ingestkit_pdf.pdf.mupdf import SCALE
from ingestkit_pdf.pdf.tables.caption import is_same_caption, says_continued
from ingestkit_pdf.pdf.tables.flow import TableLine
from ingestkit_pdf.pdf.tables.header import column_names, is_guessed, title_of
from ingestkit_pdf.pdf.tables.render import table_name, table_result

__all__ = ["Stitcher", "TablesInFlow", "tables_in_flow"]

_EDGE = 600  # hundredths of a point by which the sides of a table may move from page to page
_NOTE_WORDS = 6  # at most, of a note that a table goes on
_PAGE_NUMBER = re.compile(
    r"(?:(?:page|seite|p\u00e1gina|pagina|\u0441\u0442\u0440\.?|p|pg|s)\b\.?\s*)?[-\u2013\u2014\[(|]?\s*(?:\d{1,4}|[ivxlc]{1,6})"
    r"(?:\s*(?:/|\||of|von|de|sur|di|van|\u0438\u0437)\s*\d{1,4})?\s*[-\u2013\u2014\])|]?$"
    r"|\u7b2c?\s*\d{1,4}\s*[\u9875\u9801]",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class TablesInFlow:
    """The tables of a page in the order of reading, and what stands around them.

    Attributes:
        tables: As they stand among the lines.
        is_empty: The page has neither tables nor other lines.
        first: Those above which nothing stands but what may stand above the rest of a table: its caption, the
            number of the page, a note that it goes on.
        last: Those below which nothing else stands.
    """

    tables: list[TableLine]
    is_empty: bool
    first: list[TableLine] = field(default_factory=list)
    last: list[TableLine] = field(default_factory=list)


def tables_in_flow(lines: Sequence[Line], height: int, zone: float) -> TablesInFlow:
    """Look for tables among the lines of a page; they are numbered in the order of reading.

    Args:
        lines: Of the page, in that order, headers and footers taken out.
        height: Of the page, in hundredths of a point.
        zone: Share of it at the top and at the bottom where its number may stand.
    """
    tables = [line for line in lines if isinstance(line, TableLine)]
    if not tables:
        return TablesInFlow([], is_empty=not lines)
    for index, table in enumerate(tables):
        table.index = index
    top, bottom = int(height * zone), int(height * (1 - zone))
    telling = [line for line in lines if line.upright and not _is_aside(line, top, bottom)]
    return TablesInFlow(
        tables,
        is_empty=False,
        first=[table for table in tables if not any(line.y1 <= table.y0 for line in _beside(table, telling))],
        last=[table for table in tables if not any(line.y0 >= table.y1 for line in _beside(table, telling))],
    )


def _is_aside(line: Line, top: int, bottom: int) -> bool:
    """True for the number of a page at its edge, and for a note that a table goes on."""
    text = line.text.strip()
    is_number = (line.y1 < top or line.y0 > bottom) and _PAGE_NUMBER.match(text)
    return bool(is_number) or (text.count(" ") < _NOTE_WORDS and says_continued(text))


def _beside(table: TableLine, lines: Iterable[Line]) -> Iterator[Line]:
    """The lines that are no part of the caption of a table."""
    caption = table.caption
    return (line for line in lines if caption is None or line.text.strip() not in caption or not line.text)


@dataclass(slots=True, eq=False)
class _Part:
    """A table, and what is known of it as a part of one that may stand on several pages.

    Attributes:
        line: The table.
        group: The name that all parts have; None while it is the only one.
        head: The names of the columns that it has from the part before.
    """

    line: TableLine
    group: str | None = None
    head: list[str] | None = None
    is_continuation: bool = False

    @property
    def columns(self) -> list[str] | None:
        """The names of its columns: its own, else those of the part before."""
        return self.head or column_names(self.line.table)

    def go_on_with(self, following: _Part) -> None:
        """Take the table of the next page for a part of this one."""
        self.group = self.group or table_name(self.line.number, self.line.index)
        following.group, following.is_continuation = self.group, True
        following.head = column_names(following.line.table) or self.columns


class Stitcher:
    """Takes the pages of a document in order and gives its tables, those that go on linked.

    A table at the top of a page goes on with the one at the bottom of the page before when both have as many
    columns and their headers agree, or when it repeats no header and stands in the same place. A header that
    may as well be a row of the body is one, where the columns are the same.

    Args:
        similarity: How far headers must agree, from 0 to 1.
    """

    def __init__(self, similarity: float) -> None:
        self._similarity = similarity
        self._open: list[_Part] = []
        self._open_page = 0
        self._latest: list[_Part] = []
        self._results: list[TableResult] = []

    def add(self, page_number: int, page: TablesInFlow) -> list[int]:
        """Add the tables of a page; indices of those whose first row, taken for a header, is none."""
        headless: list[int] = []
        if page.is_empty:
            return headless
        parts = [_Part(line) for line in page.tables]
        if self._open_page == page_number - 1:
            for line in page.first:
                begin = next((part for part in self._open if self._agree(part, line)), None)
                if begin is not None:
                    self._open.remove(begin)
                    if line.table.header_rows and not self._has_like_header(begin, line):
                        line.table.header_rows = 0
                        headless.append(line.index)
                    begin.go_on_with(parts[line.index])
        self._open, self._open_page = [parts[line.index] for line in page.last], page_number
        self._finish(parts)
        return headless

    def results(self) -> list[TableResult]:
        """The tables of all pages that were added, in order."""
        self._finish([])
        return self._results

    def _finish(self, following: list[_Part]) -> None:
        """Write down the tables before these: what they go on with is known."""
        self._results.extend(
            [
                table_result(part.line, is_continuation=part.is_continuation, group=part.group)
                for part in self._latest
            ]
        )
        self._latest = following

    def _agree(self, part: _Part, after: TableLine) -> bool:
        before = part.line
        if before.table.col_count != after.table.col_count:
            return False
        if not is_same_caption(_caption(before), _caption(after)) and not (
            after.is_captioned_below and before.caption is None
        ):
            return False
        if self._has_like_header(part, after):
            return True
        if column_names(after.table) is None:
            return abs(before.x0 - after.x0) <= _EDGE and abs(before.x1 - after.x1) <= _EDGE
        return is_guessed(after.table) and not after.stands_out and _has_same_columns(before, after)

    def _has_like_header(self, before: _Part, after: TableLine) -> bool:
        ours, theirs = before.columns, column_names(after.table)
        if ours is None or theirs is None:
            return False
        matcher = SequenceMatcher(None, "\n".join(ours), "\n".join(theirs), autojunk=False)
        return matcher.ratio() >= self._similarity


def _caption(line: TableLine) -> str | None:
    return line.caption or title_of(line.table)


def _has_same_columns(before: TableLine, after: TableLine) -> bool:
    """True when the columns of two tables with rules are equally wide and stand in the same place."""
    ours = [before.x0, *(int(x * SCALE) for x in before.table.col_bounds), before.x1]
    theirs = [after.x0, *(int(x * SCALE) for x in after.table.col_bounds), after.x1]
    return (
        len(ours) == len(theirs) == before.table.col_count + 1
        and max(abs(x - y) for x, y in zip(ours, theirs, strict=True)) <= _EDGE
    )
