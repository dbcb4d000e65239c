"""The layout engine: PyMuPDF 2's model says where tables are, rules and text say what is in them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ingestkit_pdf.pdf.lines import Line
from ingestkit_pdf.pdf.mupdf import PageContent, load_layout_model
from ingestkit_pdf.pdf.tables.fast import FastEngine, finish, page_words
from ingestkit_pdf.pdf.tables.model import Box, OutOfTimeError, Table, Word
from ingestkit_pdf.pdf.tables.ruled import inside, table_of_frame
from ingestkit_pdf.pdf.tables.rules import Rules, find_frames, read_rules
from ingestkit_pdf.pdf.tables.text import table_of_lines
from ingestkit_pdf.pdf.tables.textlines import text_lines

__all__ = ["LayoutEngine"]

_SLACK = 3.0  # points by which words may stick out of the model's box
_MOST = 0.7  # of the words of the box are in a frame: then the frame is the table


class LayoutEngine:
    """Finds tables with the layout model; hundreds of milliseconds a page, for pages that may have some.

    Args:
        seconds: What a page may take after the model has answered.
        clock: Monotonic seconds.

    Raises:
        ImportError: PyMuPDF 2 with its layout model is not installed.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        load_layout_model()
        self._seconds = seconds
        self._clock = clock
        self._fast = FastEngine(seconds, clock)

    def find(self, content: PageContent, lines: Sequence[Line]) -> list[Table]:
        """The tables of a page, from top to bottom.

        Raises:
            OutOfTimeError: The page takes longer than it may.
        """
        if content.rotation:  # the model sees the page as it is stored: on its side
            return self._fast.find(content, lines)
        boxes = [(x0, y0, x1, y1) for x0, y0, x1, y1, kind in content.layout_boxes() if kind == "table"]
        end = self._clock() + self._seconds
        rules = read_rules(content.vectors(), content.width, content.height)
        words = page_words(content, lines, rules)
        tables = []
        for box in boxes:
            if self._clock() > end:
                raise OutOfTimeError
            table = _table_in(box, inside(words, box, _SLACK), rules)
            if table is not None:
                tables.append(table)
        return finish(tables)


def _table_in(box: Box, words: list[Word], rules: Rules) -> Table | None:
    """The table in an area: by its frame where that holds most of the words, else by how they line up."""
    if len(words) < 2:
        return None
    for drawn in (rules, rules.with_fills()):
        frames = [frame for frame in find_frames(drawn) if len(frame.horizontal) > 1 and frame.vertical]
        for frame in sorted(frames, key=lambda frame: -frame.area):
            if len(inside(words, frame.box)) >= _MOST * len(words):
                table = table_of_frame(frame, words)
                if table is not None:
                    return table
    ys = [rule.at for rule in rules.horizontal if _crosses(rule.start, rule.end, box)]
    return table_of_lines(text_lines(words), ys, is_framed=True)


def _crosses(start: float, end: float, box: Box) -> bool:
    return min(end, box[2]) - max(start, box[0]) > 0.6 * (box[2] - box[0])
