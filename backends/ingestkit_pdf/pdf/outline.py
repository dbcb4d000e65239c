"""Headings by the document's outline: the passages that are the titles of its entries."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from ingestkit_pdf.models import OutlineEntry
from ingestkit_pdf.pdf.paragraphs import CODE, CONTENTS, HEADING, ROW
from ingestkit_pdf.pdf.passages import Passage

__all__ = ["mark_by_outline"]

_MAX_LINES, _MAX_CHARS = 4, 200  # of a passage that may be a title of the outline
_LEVELS = 6  # deeper titles are of this one: Markdown has no more
_SHARE = 0.3  # an outline of which fewer entries are found in the text says little about it
_LEADERS = "\u2026"
_DIGITS = "0123456789"
_BEGIN, _FIRST = 3, 16  # letters that tell, and characters that have them nearly always


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
    begins = {key[:_BEGIN] for key in wanted}
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
        if len(text) > _MAX_CHARS or _LEADERS in text or not _may_be_title(text, begins):
            continue
        level = _level(_key(text), passage.page, wanted)
        if level:
            found.append((passage, level))
    if len(found) < _SHARE * len(outline):
        return False
    for passage, level in found:
        passage.kind, passage.level = HEADING, min(level, _LEVELS)
    return True


def _may_be_title(text: str, begins: Container[str]) -> bool:
    """False for most texts that are none, by how they begin, which takes a third of the time."""
    key = _key(text[:_FIRST])
    bare = key.lstrip(_DIGITS)
    return len(bare) < _BEGIN or key[:_BEGIN] in begins or bare[:_BEGIN] in begins


def _key(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()


def _level(key: str, page: int, wanted: dict[str, list[OutlineEntry]]) -> int:
    """Level of the entry that this text is the title of; outlines may lack its number. 0: none."""
    for candidate in (key, key.lstrip(_DIGITS)):
        for entry in wanted.get(candidate, ()):
            if entry.page_number is None or abs(entry.page_number - page) <= 1:
                return entry.level
    return 0
