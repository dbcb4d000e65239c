"""Headings by the document's outline: the passages that are the titles of its entries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ingestkit_pdf.models import OutlineEntry
from ingestkit_pdf.pdf.paragraphs import CODE, CONTENTS, ROW
from ingestkit_pdf.pdf.passages import Passage

__all__ = ["mark_by_outline"]

_MAX_LINES, _MAX_CHARS = 4, 200  # of a passage that may be a title of the outline
_LEVELS = 6  # deeper titles are of this one: Markdown has no more
_SHARE = 0.3  # an outline of which fewer entries are found in the text says little about it
_LEADERS = "\u2026"


def mark_by_outline(passages: Iterable[Passage], outline: Sequence[OutlineEntry]) -> bool:
    """Turn the passages that are titles of the outline into headings, in place.

    Returns:
        False when so few are found that the outline says little about the text; then nothing is changed.
    """
    wanted: dict[str, list[OutlineEntry]] = {}
    for entry in outline:
        key = _key(entry.title)
        if key:
            wanted.setdefault(key, []).append(entry)
    found: list[tuple[Passage, int]] = []
    for passage in passages:
        pieces = len(passage.pieces)
        if (
            passage.kind == CONTENTS
            or passage.is_aside
            or pieces > _MAX_LINES
            or (passage.kind in {ROW, CODE} and pieces > 2)
        ):
            continue
        text = passage.text
        if len(text) > _MAX_CHARS or _LEADERS in text:
            continue
        level = _level(_key(text), passage.page, wanted)
        if level:
            found.append((passage, level))
    if len(found) < _SHARE * len(outline):
        return False
    for passage, level in found:
        passage.make_heading(min(level, _LEVELS))
    return True


def _key(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()


def _level(key: str, page: int, wanted: dict[str, list[OutlineEntry]]) -> int:
    """Level of the entry that this text is the title of; outlines may lack its number. 0: none."""
    for candidate in (key, key.lstrip("0123456789")):
        for entry in wanted.get(candidate, ()):
            if entry.page_number is None or abs(entry.page_number - page) <= 1:
                return entry.level
    return 0
