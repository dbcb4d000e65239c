"""What is typed over the pages as text of the document: values of fields, and text annotations.

MuPDF's text of a page is its content alone, so the words that somebody has filled in are not in it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import accumulate

from ingestkit_pdf.models import Box, FieldKind, FormField
from ingestkit_pdf.pdf.extras import Extras
from ingestkit_pdf.pdf.lines import is_right_to_left
from ingestkit_pdf.pdf.mupdf import SCALE
from ingestkit_pdf.pdf.paragraphs import FORM, TEXT
from ingestkit_pdf.pdf.passages import IntBox, Passage

__all__ = ["add_overlay"]

_FREE_TEXT = "FreeText"
_INDEX = re.compile(r"(?:#|\[\d+\])")  # what XFA puts into names: `#area[0]`
_WORD = re.compile("[\u2e80-\U0003ffff]|[^\\s\u2e80-\U0003ffff]+")  # Chinese and the like: each letter
_MOSTLY = 0.5  # of the letters that the page has in the place of a field: so much of them is its value
_WORDS = frozenset({FieldKind.TEXT, FieldKind.CHOICE})
_SHOWN = _WORDS | {FieldKind.CHECKBOX, FieldKind.RADIO}


def add_overlay(passages: list[Passage], extras: Extras) -> None:
    """Add passages of what was filled in at the end of each page, in place.

    Left out is what the reader of the page does not see, and what the page's content has already: forms exist
    that draw the values of their fields a second time.
    """
    typed = _typed(extras)
    if not typed:
        return
    drawn = _lines(passages, set(typed))
    added = {page: made for page, texts in typed.items() if (made := _made(page, texts, drawn[page]))}
    result: list[Passage] = []
    waiting = sorted(added)
    for passage in passages:
        while waiting and waiting[0] < passage.page:
            result.extend(added[waiting.pop(0)])
        result.append(passage)
    for page in waiting:
        result.extend(added[page])
    passages[:] = result


def _typed(extras: Extras) -> dict[int, list[tuple[str, str, str, Box]]]:
    """Page → kind of passage, text that the page may show already, text to write, box."""
    typed: dict[int, list[tuple[str, str, str, Box]]] = defaultdict(list)
    form = extras.form
    for index, entry in enumerate(form.fields):
        text = _written(entry) if index in form.visible else None
        if text and entry.page_number and entry.box:
            # That `Yes` stands beside a box says nothing of the box being checked.
            shown = (entry.value or "") if entry.kind in _WORDS else ""
            typed[entry.page_number].append((FORM, shown, text, entry.box))
    notes = extras.annotations
    for index, note in enumerate(notes.found):
        if note.kind == _FREE_TEXT and index in notes.visible and note.text and note.box:
            typed[note.page_number].append((TEXT, note.text, note.text, note.box))
    return typed


def _written(entry: FormField) -> str | None:
    if entry.value is None or entry.kind not in _SHOWN:
        return None
    label = entry.label or _INDEX.sub("", entry.name.rpartition(".")[2])
    if entry.kind is FieldKind.CHECKBOX:
        return f"[x] {label}"
    value = entry.value.replace("\n", ", " if entry.kind is FieldKind.CHOICE else " ")
    return f"{label}: {value}" if label else value


def _lines(passages: Sequence[Passage], pages: set[int]) -> dict[int, list[tuple[str, IntBox]]]:
    """Page → the text of its lines, and their boxes."""
    lines: dict[int, list[tuple[str, IntBox]]] = defaultdict(list)
    for passage in passages:
        for text, page, box in passage.pieces:
            if page in pages:
                lines[page].append((text, box))
    return lines


def _made(
    page: int, texts: Sequence[tuple[str, str, str, Box]], lines: Sequence[tuple[str, IntBox]]
) -> list[Passage]:
    """One passage for all fields, and one for each annotation."""
    made: list[Passage] = []
    for kind, shown, text, box in texts:
        x0, y0, x1, y1 = (round(value * SCALE) for value in box)
        place = x0, y0, x1, y1
        if shown and _is_drawn(shown, place, lines):
            continue
        if kind == FORM and made and made[-1].kind == FORM:
            made[-1].pieces.append((f"- {text}\n", page, place))
            continue
        written = f"- {text}\n" if kind == FORM else " ".join(text.split())
        made.append(Passage(kind, pieces=[(written, page, place)], size=y1 - y0))
    return made


def _is_drawn(value: str, place: IntBox, lines: Sequence[tuple[str, IntBox]]) -> bool:
    """True when the page's content has the value, in whole words, in this place, and little else there."""
    words = _words_in(place, lines)
    there, wanted = "".join(words), "".join(value.split())
    if len(wanted) < _MOSTLY * len(there):
        return False
    edges = set(accumulate(map(len, words), initial=0))
    start = there.find(wanted)
    while start >= 0:
        end = start + len(wanted)
        begins = start in edges or not there[start - 1].isalnum()
        if begins and (end in edges or not there[end].isalnum()):
            return True
        start = there.find(wanted, start + 1)
    return False


def _words_in(place: IntBox, lines: Sequence[tuple[str, IntBox]]) -> list[str]:
    """The words of the page of which the middle lies in this place, by where they are in their lines."""
    left, top, right, bottom = place
    words: list[str] = []
    for text, (x0, y0, x1, y1) in lines:
        if not (x0 < right and x1 > left and (top < (y0 + y1) / 2 < bottom or y0 < (top + bottom) / 2 < y1)):
            continue
        first, width = x0, (x1 - x0) / max(len(text.rstrip()), 1)
        if is_right_to_left(text):
            first, width = x1, -width
        for match in _WORD.finditer(text):
            if left <= first + width * (match.start() + match.end()) / 2 <= right:
                words.append(match[0])
    return words
