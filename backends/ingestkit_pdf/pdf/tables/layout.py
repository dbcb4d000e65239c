"""The layout engine: tables in frames are found by rules; the others are where PyMuPDF 2's model says."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ingestkit_pdf.pdf.lines import Line
from ingestkit_pdf.pdf.mupdf import PageContent
from ingestkit_pdf.pdf.tables.fast import FastEngine, finish, framed_tables, page_words
from ingestkit_pdf.pdf.tables.model import Box, OutOfTimeError, Table, Word
from ingestkit_pdf.pdf.tables.ruled import inside
from ingestkit_pdf.pdf.tables.rules import Rules, read_rules
from ingestkit_pdf.pdf.tables.text import table_of_lines
from ingestkit_pdf.pdf.tables.textlines import text_lines

__all__ = ["LayoutEngine"]

_CROSSING = 0.6  # of the width of a table, which a rule between its rows runs over
_SLACK = 3.0  # points by which words may stick out of the model's box
_MIN_LINES = 3  # of several pieces must be left outside of frames for the model to be asked


class LayoutEngine:
    """Finds tables without frames with the layout model: some 400 ms, on pages that may have some.

    Args:
        seconds: What the tables in frames of a page may take; the model takes what it takes.
        clock: Seconds of this thread's own work, so that a busy machine finds the same tables.

    The model is loaded already, see `load_layout_model`.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.thread_time) -> None:
        self._seconds = seconds
        self._clock = clock
        self._fast = FastEngine(seconds, clock)

    def find(self, content: PageContent, lines: Sequence[Line]) -> list[Table]:
        """The tables of a page, from top to bottom.

        Raises:
            OutOfTimeError: The page takes longer than it may.
        """
        if content.rotation:  # the model is not asked about such a page
            return self._fast.find(content, lines)
        end = self._clock() + self._seconds

        def check() -> None:
            if self._clock() > end:
                raise OutOfTimeError

        rules = read_rules(content.vectors(), content.width, content.height)
        tables, rest = framed_tables(page_words(content, lines, rules), rules, check)
        if sum(1 for line in rest if len(line.segments) > 1) >= _MIN_LINES:
            words = [word for line in rest for word in line.words]
            for x0, y0, x1, y1, kind in content.layout_boxes():
                table = _table_in((x0, y0, x1, y1), words, rules) if kind == "table" else None
                if table is not None:
                    tables.append(table)
        return finish(tables)


def _table_in(box: Box, words: list[Word], rules: Rules) -> Table | None:
    """The table in an area of the page, by how its words line up."""
    words = inside(words, box, _SLACK)
    if len(words) < 2:
        return None
    ys = [rule.at for rule in rules.horizontal if _crosses(rule.start, rule.end, box)]
    return table_of_lines(text_lines(words), ys, is_framed=True)


def _crosses(start: float, end: float, box: Box) -> bool:
    return min(end, box[2]) - max(start, box[0]) > _CROSSING * (box[2] - box[0])
