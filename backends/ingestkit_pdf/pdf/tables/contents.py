"""Contents are no tables: titles with the pages that they are on, under a line that says so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from ingestkit_pdf.pdf.tables.model import Table

__all__ = ["are_contents", "is_contents_title"]

_TITLE = re.compile(
    r"(?:table of |list of )?(?:contents|figures|tables|examples)$"
    r"|(?:inhalt(?:sverzeichnis|s\u00fcbersicht)?|table des mati\u00e8res|sommaire|\u00edndice(?: general)?"
    r"|indice|sum\u00e1rio|inneh\u00e5ll|inhoud(?:sopgave)?"
    r"|\u0441\u043e\u0434\u0435\u0440\u0436\u0430\u043d\u0438\u0435"
    r"|\u043e\u0433\u043b\u0430\u0432\u043b\u0435\u043d\u0438\u0435"
    r"|\u76ee\s*[\u6b21\u5f55\u9304]|\ubaa9\s*\ucc28"
    r"|\u0627\u0644\u0645\u062d\u062a\u0648\u064a\u0627\u062a|\u0641\u0647\u0631\u0633\u062a)$",
    re.IGNORECASE,
)
_PAGE = re.compile(r"(?:\d{1,4}|[ivxlc]{1,6})$", re.IGNORECASE)
_PAGES = 0.8  # of the rows have a page number at their end
_BACK = 0.1  # of the steps between them may go back: parts with numbers of their own


def is_contents_title(text: str) -> bool:
    """True for `Contents`, `List of figures` and the like in other languages."""
    return bool(_TITLE.match(text))


def are_contents(table: Table, above: Sequence[str]) -> bool:
    """True when a table is one of contents.

    Args:
        table: What looks like a table.
        above: The lines above it, and what its own first one begins with.
    """
    if not any(is_contents_title(text.strip()) for text in above):
        return False
    last = [cell.text for cell in table.cells if cell.col == cell.last_col == table.col_count - 1]
    pages = [text for text in last if _PAGE.match(text)]
    numbers = [int(text) for text in pages if text.isdecimal()]
    back = sum(1 for before, after in pairwise(numbers) if after < before)
    return len(pages) >= _PAGES * table.row_count and back <= _BACK * len(numbers)
