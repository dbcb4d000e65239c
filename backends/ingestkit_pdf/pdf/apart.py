"""What stands on a page apart from its body: captions, footnotes, tables of contents; and the body around it.

Told by tags or the layout model where these know, else by how captions and notes begin and where notes stand.
They keep their place; a sentence of the body that they stand in the way of goes on before them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ingestkit_pdf.pdf import captions
from ingestkit_pdf.pdf.lines import BOLD
from ingestkit_pdf.pdf.paragraphs import (
    CAPTION,
    CONTENTS,
    FOOTNOTE,
    ITEM,
    ROW,
    SAME_SIZE,
    TABLE,
    TEXT,
    Paragraph,
)
from ingestkit_pdf.pdf.passages import Passage
from ingestkit_pdf.pdf.tables import is_contents_title
from ingestkit_pdf.pdf.text import ends_clause

__all__ = ["continue_across_pages", "joined", "mark_apart", "open_passage"]

_SHORT_CAPTION = 3  # lines: without a colon or full stop behind its number it is a sentence if it is longer
_ENTRY = re.compile(r"(?:\u2026|\s{2,})\s*(?:[A-Z]\s*[-.]\s*)?(?:\d{1,4}|[ivxlc]{1,6})\s*$")
_LAST_NUMBER = re.compile(r"\s(?:\d{1,4}|[ivxlc]{1,6})$")
_FIRST_LINES = 3  # of contents: one of them has leaders
_ENTRY_SHARE = 0.6  # of the lines of a paragraph
_NOTE = re.compile(
    r"(?:\d{1,3}[.):]?|[\u2460-\u2473*\u2020\u2021\u00a7\u00b6\u203b]{1,3}|\[\d{1,3}\]|\(\d{1,3}\))\s*(?=[^\W\d]|[\"\u201c\u300c(])"
)
_NOTE_SIZE = 0.93  # of the body's
_NOTES_BELOW = 0.4  # of the page's height
_BODY = frozenset({TEXT, ITEM})
_CAPTIONED = frozenset({TEXT, ROW})
_LISTED = frozenset({ROW, TEXT, ITEM})


def mark_apart(paragraphs: Sequence[Paragraph], height: int) -> None:
    """Mark captions, footnotes and contents among the paragraphs of a page, in place.

    Args:
        paragraphs: Of the page, in the order of reading.
        height: Of the page, in hundredths of a point.
    """
    _mark_contents(paragraphs)
    for index, paragraph in enumerate(paragraphs):
        if paragraph.kind in _CAPTIONED and _is_caption(paragraphs, index):
            paragraph.kind = CAPTION
    _mark_footnotes(paragraphs, height)


def _mark_contents(paragraphs: Sequence[Paragraph]) -> None:
    """Lines that end in leaders and a page number; under the title of contents, in a page number."""
    titled = False
    for paragraph in paragraphs:
        if paragraph.kind not in _LISTED:
            titled = False
            continue
        if paragraph.kind == TEXT and is_contents_title(paragraph.pieces[0][0].strip()):
            titled = True
            continue
        if not titled and "\u2026" not in "".join([piece[0] for piece in paragraph.pieces[:_FIRST_LINES]]):
            continue
        pattern = _LAST_NUMBER if titled else _ENTRY
        entries = sum(1 for text, _, _ in paragraph.pieces if pattern.search(text.rstrip()))
        if entries >= _ENTRY_SHARE * len(paragraph.pieces):
            paragraph.kind = CONTENTS
            if titled:
                paragraph.pieces = [
                    (text.rstrip() + "\n", page, line) for text, page, line in paragraph.pieces
                ]
        else:
            titled = False


def _is_caption(paragraphs: Sequence[Paragraph], index: int) -> bool:
    paragraph = paragraphs[index]
    match = captions.CAPTION.match(paragraph.pieces[0][0])
    if not match:
        return False
    if not match.group("end").isspace() and match.group("end"):
        return True
    line = paragraph.pieces[0][2]
    if line.spans and line.spans[0][1] & BOLD and not paragraph.style & BOLD:  # the label alone is bold
        return True
    if len(paragraph.pieces) > _SHORT_CAPTION or paragraph.text.endswith("."):
        return False
    near = paragraphs[max(index - 1, 0) : index + 2]
    return not match.group("end") or any(other.kind == TABLE for other in near)


def _mark_footnotes(paragraphs: Sequence[Paragraph], height: int) -> None:
    """Small type below the body that begins with a number or a sign, and what follows it in the same type."""
    texts = [paragraph for paragraph in paragraphs if paragraph.kind in _BODY]
    sizes = dict.fromkeys([paragraph.size for paragraph in texts], 0)
    if len(sizes) < 2:
        return
    for paragraph in texts:
        sizes[paragraph.size] += sum([len(text) for text, _, _ in paragraph.pieces])
    body = max(sizes, key=lambda size: (sizes[size], size))
    floor = [
        (line.x0, line.x1, line.y1)
        for paragraph in paragraphs
        if paragraph.kind != CAPTION and paragraph.size > _NOTE_SIZE * body
        for line in (paragraph.pieces[-1][2],)
        if line.upright
    ]
    noted = False
    for paragraph in paragraphs:
        line = paragraph.pieces[0][2]
        is_small = paragraph.size <= _NOTE_SIZE * body and paragraph.kind in _BODY and line.upright
        if not is_small or line.y0 < _NOTES_BELOW * height:
            noted = False
            continue
        if any(bottom > line.y1 and x0 < line.x1 and x1 > line.x0 for x0, x1, bottom in floor):
            noted = False
        elif noted or _NOTE.match(paragraph.pieces[0][0]):
            paragraph.kind, noted = FOOTNOTE, True


def joined(passages: Iterable[Passage]) -> list[Passage]:
    """Join what goes on in the next column, or behind a table or a caption, to what it goes on with."""
    found: list[Passage] = []
    open_text: Passage | None = None
    for passage in passages:
        if open_text is not None and _goes_on(open_text, passage):
            open_text.append(passage)
            continue
        found.append(passage)
        if passage.kind in _BODY:
            open_text = passage
        elif passage.kind not in _ASIDE:
            open_text = None
    return found


_ASIDE = frozenset({CAPTION, FOOTNOTE, TABLE})


def _goes_on(last: Passage, first: Passage) -> bool:
    """True when `first` is the rest of the sentence that `last` breaks off in."""
    if first.kind != TEXT or not first.pieces[0][0][:1].islower() or first.role != last.role:
        return False
    if abs(last.size - first.size) > SAME_SIZE * last.size or (last.style ^ first.style) & BOLD:
        return False
    text = last.pieces[-1][0].rstrip()  # not the whole text: it may grow with every page
    return last.upright and first.upright and not ends_clause(text) and _is_full(last, text)


def _is_full(passage: Passage, text: str) -> bool:
    """True when the last line is no label: it is as wide as the one before it, or ends in a hyphen."""
    x0, _, x1, _ = passage.pieces[-1][2]
    if len(passage.pieces) == 1:
        return x1 - x0 > _WIDE * passage.size or text.endswith("-")
    left, _, right, _ = passage.pieces[-2][2]
    return x1 > right - _SHORTER * (right - left) or text.endswith("-")


_WIDE, _SHORTER = 15, 0.25  # times its size; of the line before it


_PAGE_NUMBER = re.compile(r"[^\w\s]?\s*\d{1,4}\s*[^\w\s]?")  # with dashes or brackets around it


def _is_between(passage: Passage) -> bool:
    """True for what a sentence may go on behind: a caption, a note, a table, a stamp, a page number."""
    if passage.kind in _ASIDE or passage.is_aside:
        return True
    return len(passage.pieces) == 1 and bool(_PAGE_NUMBER.fullmatch(passage.text))


def open_passage(passages: Sequence[Passage]) -> int:
    """Index of the passage that the next page may go on with, or behind all; those before change no more."""
    for index in range(len(passages) - 1, -1, -1):
        if not _is_between(passages[index]):
            return index
    return len(passages)


def continue_across_pages(passages: Sequence[Passage], following: list[Passage]) -> None:
    """Move the first passage of a page to the end of the one that it goes on with, if it does."""
    index = open_passage(passages)
    last = passages[index] if index < len(passages) else None
    at = next((index for index, passage in enumerate(following) if not _is_between(passage)), None)
    if last is None or at is None or last.kind not in _BODY or not _goes_on(last, following[at]):
        return
    last.append(following.pop(at))
