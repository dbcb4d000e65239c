"""Chunks: structure first, then size; pages, boxes and headings carried from the passages."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import islice

from ingestkit_pdf.models import Box, Chunk, ContentType, PageBox
from ingestkit_pdf.pdf.counted import count_passages
from ingestkit_pdf.pdf.cutting import Cutter, Draft
from ingestkit_pdf.pdf.mupdf import SCALE
from ingestkit_pdf.pdf.paragraphs import CAPTION, CONTENTS, FOOTNOTE, FORM, HEADING, ITEM, ROW, TABLE
from ingestkit_pdf.pdf.passages import IntBox, Passage, Piece
from ingestkit_pdf.pdf.tokens import Count

__all__ = ["make_chunks"]

_AT_ONCE = 500  # chunks whose tokens are counted in one call

_TYPES = {
    ITEM: ContentType.LIST,
    CONTENTS: ContentType.LIST,
    CAPTION: ContentType.CAPTION,
    FOOTNOTE: ContentType.FOOTNOTE,
    ROW: ContentType.TABLE,
    TABLE: ContentType.TABLE,
    FORM: ContentType.FORM_FIELD,
    HEADING: ContentType.HEADING,
}


def make_chunks(
    passages: list[Passage], *, ingest_key: str, limit: int, overlap: int, count: Count
) -> list[Chunk]:
    """Cut the document's passages into chunks.

    Args:
        passages: In order. They are taken out as they are cut: a large document is not kept twice.
        ingest_key: Ids of chunks are derived from it.
        limit: Tokens that a chunk holds at most, unless a single row of a table is longer.
        overlap: Tokens of the end of a chunk that the next one repeats when a section was cut by size.
        count: Lengths of texts in tokens.
    """
    chunks: list[Chunk] = []
    drafts = Cutter(limit, overlap, count).cut(count_passages(passages, count))
    while some := list(islice(drafts, _AT_ONCE)):
        for draft, text, tokens in _within(some, limit, count):
            chunks.append(_chunk(draft, len(chunks), text, tokens, ingest_key))
    return chunks


def _within(drafts: Sequence[Draft], limit: int, count: Count) -> Iterator[tuple[Draft, str, int]]:
    """Each draft with its text and length; in parts where its pieces joined are longer than their sum."""
    texts = [draft.text for draft in drafts]
    for draft, text, tokens in zip(drafts, texts, count(texts), strict=True):
        if tokens <= limit or draft.may_be_longer:
            yield draft, text, tokens
        else:
            yield from _cut_again(draft, tokens - limit, limit, count)


def _cut_again(draft: Draft, excess: int, limit: int, count: Count) -> list[tuple[Draft, str, int]]:
    """A draft that is too long by so many tokens, cut by less and less until all parts fit."""
    room = limit
    while True:
        room = max(room - excess, 1)
        parts = Cutter(room, 0, count).cut_draft(draft)
        texts = [part.text for part in parts]
        lengths = count(texts)
        pairs = zip(parts, lengths, strict=True)
        excess = max((length - limit for part, length in pairs if not part.may_be_longer), default=0)
        if excess <= 0 or room == 1:
            return list(zip(parts, texts, lengths, strict=True))


def _chunk(draft: Draft, index: int, text: str, tokens: int, ingest_key: str) -> Chunk:
    pages = _by_page(draft.pieces)
    kinds = {TABLE} if TABLE in draft.kinds else draft.kinds - {HEADING} or draft.kinds
    kind = next(iter(kinds)) if len(kinds) == 1 else ""
    return Chunk(
        id=hashlib.sha256(f"{ingest_key}:{index}".encode()).hexdigest()[:32],
        index=index,
        text=text,
        page_numbers=sorted(pages),
        heading_path=draft.path,
        content_type=_TYPES.get(kind, ContentType.NARRATIVE),
        boxes=_boxes(pages),
        token_count=tokens,
        sha256=hashlib.sha256(text.encode("utf-8", "replace")).hexdigest(),
    )


def _by_page(pieces: Sequence[Piece]) -> dict[int, list[IntBox]]:
    """The boxes of a text on each of its pages."""
    pages: dict[int, list[IntBox]] = {}
    number = 0
    boxes: list[IntBox] = []
    for _, page, box in pieces:
        if page != number:
            number, boxes = page, pages.setdefault(page, [])
        boxes.append(box)
    return pages


def _boxes(pages: dict[int, list[IntBox]]) -> list[PageBox]:
    """The places of a text: by page, one for each column that it stands in and for what spans columns."""
    return [
        PageBox(page_number=number, box=_around(column))
        for number in sorted(pages)
        for column in _columns(pages[number])
    ]


def _columns(boxes: Sequence[IntBox]) -> list[list[IntBox]]:
    """Boxes of lines in order, cut where they go on at the top of another column."""
    last = boxes[0]
    column = [last]
    columns = [column]
    for box in boxes[1:]:
        if box[3] <= last[1] and not _overlaps(box, last):
            start = len(column)  # what stands above a column may span this one, too
            while start and not _overlaps(box, column[start - 1]):
                start -= 1
            columns[-1:] = [part for part in (column[:start], column[start:]) if part]
            column = [box]
            columns.append(column)
        elif len(columns) > 1 and _is_below(box, columns[-2][-1]) and not _overlaps(last, columns[-2][-1]):
            column = [box]  # the first one below both
            columns.append(column)
        else:
            column.append(box)
        last = box
    return columns


def _is_below(box: IntBox, other: IntBox) -> bool:
    return _overlaps(box, other) and box[1] > other[1]


def _overlaps(box: IntBox, other: IntBox) -> bool:
    """True when one is above the other, somewhere."""
    return box[0] < other[2] and other[0] < box[2]


def _around(boxes: Sequence[IntBox]) -> Box:
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts) / SCALE, min(tops) / SCALE, max(rights) / SCALE, max(bottoms) / SCALE
