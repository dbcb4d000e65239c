"""What is typed over the pages as text of the document: values of fields, and text annotations.

MuPDF's text of a page is its content alone, so the words that somebody has filled in are not in it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from ingestkit_pdf.models import Box, FieldKind, FormField
from ingestkit_pdf.pdf.extras import Extras
from ingestkit_pdf.pdf.mupdf import SCALE
from ingestkit_pdf.pdf.paragraphs import FORM, TEXT
from ingestkit_pdf.pdf.passages import IntBox, Passage

__all__ = ["add_overlay"]

_FREE_TEXT = "FreeText"
_INDEX = re.compile(r"(?:#|\[\d+\])")  # what XFA puts into names: `#area[0]`
_SHOWN = frozenset({FieldKind.TEXT, FieldKind.CHOICE, FieldKind.CHECKBOX, FieldKind.RADIO})


def add_overlay(passages: list[Passage], extras: Extras) -> None:
    """Add passages of what was filled in at the end of each page, in place.

    Left out is what the reader of the page does not see, and what the page's content has already: forms exist
    that draw the values of their fields a second time.
    """
    typed = _typed(extras)
    if not typed:
        return
    drawn = _drawn(passages, set(typed))
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
    """Page → kind of passage, text to look for, text to write, box."""
    typed: dict[int, list[tuple[str, str, str, Box]]] = defaultdict(list)
    form = extras.form
    for index, entry in enumerate(form.fields):
        text = _written(entry) if index in form.visible else None
        if text and entry.page_number and entry.box:
            typed[entry.page_number].append((FORM, entry.value or "", text, entry.box))
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


def _drawn(passages: Sequence[Passage], pages: set[int]) -> dict[int, list[tuple[str, IntBox]]]:
    """Page → the text of its lines, without spaces, and their boxes."""
    drawn: dict[int, list[tuple[str, IntBox]]] = defaultdict(list)
    for passage in passages:
        for text, page, box in passage.pieces:
            if page in pages:
                drawn[page].append(("".join(text.split()), box))
    return drawn


def _made(
    page: int, texts: Sequence[tuple[str, str, str, Box]], drawn: Sequence[tuple[str, IntBox]]
) -> list[Passage]:
    """One passage for all fields, and one for each annotation."""
    made: list[Passage] = []
    for kind, wanted, text, box in texts:
        x0, y0, x1, y1 = (round(value * SCALE) for value in box)
        place = x0, y0, x1, y1
        if _is_drawn("".join(wanted.split()), place, drawn):
            continue
        if kind == FORM and made and made[-1].kind == FORM:
            made[-1].pieces.append((f"- {text}\n", page, place))
            continue
        written = f"- {text}\n" if kind == FORM else " ".join(text.split())
        made.append(Passage(kind, pieces=[(written, page, place)], size=y1 - y0))
    return made


def _is_drawn(wanted: str, place: IntBox, drawn: Sequence[tuple[str, IntBox]]) -> bool:
    return any(wanted in text for text in _texts_at(place, drawn))


def _texts_at(place: IntBox, drawn: Sequence[tuple[str, IntBox]]) -> Iterator[str]:
    left, top, right, bottom = place
    for text, (x0, y0, x1, y1) in drawn:
        if x0 < right and x1 > left and y0 < bottom and y1 > top:
            yield text
