"""The fast engine: rules first, aligned text in what is left. A pure function of what the page shows."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Sequence

from ingestkit_pdf.pdf.lines import Line, is_right_to_left
from ingestkit_pdf.pdf.mupdf import PageContent
from ingestkit_pdf.pdf.tables.header import header_row_count
from ingestkit_pdf.pdf.tables.model import OutOfTimeError, PageInk, Table, Word
from ingestkit_pdf.pdf.tables.ruled import table_of_frame
from ingestkit_pdf.pdf.tables.rules import Rules, find_frames, read_rules
from ingestkit_pdf.pdf.tables.text import find_aligned
from ingestkit_pdf.pdf.tables.textlines import TextLine, text_lines
from ingestkit_pdf.pdf.tables.tidy import add_header_above, join_signs
from ingestkit_pdf.pdf.tables.words import single_words, spans_as_words
from ingestkit_pdf.pdf.text import clean

__all__ = ["FastEngine", "find_tables", "finish", "framed_tables", "page_words"]

_INTO = 2.0  # points from its ends at which a rule goes through a word

Check = Callable[[], None]


class FastEngine:
    """Finds tables with rules by their grid, and the others by how their text lines up.

    Args:
        seconds: What a page may take.
        clock: Seconds of this thread's own work, so that a busy machine finds the same tables.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.thread_time) -> None:
        self._seconds = seconds
        self._clock = clock

    def find(self, content: PageContent, lines: Sequence[Line]) -> list[Table]:
        """The tables of a page, from top to bottom.

        Raises:
            OutOfTimeError: The page takes longer than it may.
        """
        end = self._clock() + self._seconds

        def check() -> None:
            if self._clock() > end:
                raise OutOfTimeError

        rules = read_rules(content.vectors(), content.width, content.height)
        return _find(page_words(content, lines, rules), rules, check)


def page_words(content: PageContent, lines: Sequence[Line], rules: Rules) -> list[Word]:
    """The spans of a page where each stands in one cell, else its words; MuPDF is asked where they stand."""
    words = spans_as_words(lines)
    if words is None or _is_crossed(words, rules):
        return single_words(lines, content.words())
    return words


def _is_crossed(words: Sequence[Word], rules: Rules) -> bool:
    """True when a vertical rule goes through a run of words: then its words stand in different cells."""
    vertical = sorted(rules.vertical)
    places = [rule.at for rule in vertical]
    for x0, y0, x1, y1, _, _ in words:
        for rule in vertical[bisect_right(places, x0 + _INTO) : bisect_right(places, x1 - _INTO)]:
            if rule.start < (y0 + y1) / 2 < rule.end:
                return True
    return False


def find_tables(ink: PageInk) -> list[Table]:
    """The tables of what a page shows, from top to bottom."""
    return _find(ink.words, read_rules(ink.vectors, ink.width, ink.height), lambda: None)


def _find(words: list[Word], rules: Rules, check: Check) -> list[Table]:
    """Find the tables; `check` is called between the steps."""
    tables, lines = framed_tables(words, rules, check)
    return finish(tables + find_aligned(lines, rules.horizontal))


def framed_tables(words: list[Word], rules: Rules, check: Check) -> tuple[list[Table], list[TextLine]]:
    """The tables in frames of rules, or of filled areas, and the lines that are in none."""
    check()
    tables, words = _framed(rules, words, check)
    if rules.fills and words:
        more, words = _framed(rules.with_fills(), words, check)
        tables += more
    check()
    lines = text_lines(words)
    for table in tables:
        before = len(table.words)
        add_header_above(table, table.col_bounds, lines)
        if len(table.words) > before:
            words = _without(words, table.words)
            lines = text_lines(words)
    return tables, lines


def finish(tables: list[Table]) -> list[Table]:
    """Repair, turn where it reads from the right, tell the header; from top to bottom, then left to right."""
    tables = _in_rows(tables)
    for table in tables:
        for cell in table.cells:
            cell.text = clean(cell.text)
        join_signs(table)
        if is_right_to_left(" ".join([cell.text for cell in table.cells])):
            table.mirror()
        table.header_rows = header_row_count(table)
    return tables


def _in_rows(tables: list[Table]) -> list[Table]:
    rows: list[list[Table]] = []
    for table in sorted(tables, key=lambda table: (table.box[1], table.box[0])):
        x0, y0, x1, _ = table.box
        first = rows[-1][0].box if rows else table.box
        if (
            rows
            and y0 < (first[1] + first[3]) / 2
            and all(x0 >= other.box[2] or x1 <= other.box[0] for other in rows[-1])
        ):
            rows[-1].append(table)
        else:
            rows.append([table])
    return [table for row in rows for table in sorted(row, key=lambda table: table.box[0])]


def _framed(rules: Rules, words: list[Word], check: Check) -> tuple[list[Table], list[Word]]:
    """The tables in frames of rules, the inner ones first, and the words that are in none."""
    tables: list[Table] = []
    frames = [frame for frame in find_frames(rules) if len(frame.horizontal) > 1 and frame.vertical]
    for frame in sorted(frames, key=lambda frame: frame.area):
        check()
        table = table_of_frame(frame, words)
        if table is not None:
            tables.append(table)
            words = _without(words, table.words)
    return tables, words


def _without(words: list[Word], taken: list[Word]) -> list[Word]:
    gone = set(taken)
    return [word for word in words if word not in gone]
