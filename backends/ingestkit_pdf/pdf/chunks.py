"""Chunks: structure first, then size; pages, boxes and headings carried from the lines."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable

from ingestkit_pdf.models import Chunk, ContentType, PageBox
from ingestkit_pdf.pdf.lines import Line
from ingestkit_pdf.pdf.mupdf import SCALE
from ingestkit_pdf.pdf.paragraphs import HEADING, ITEM, ROW, TABLE, Paragraph, Piece
from ingestkit_pdf.pdf.tables import is_caption
from ingestkit_pdf.pdf.tokens import count_tokens

__all__ = ["Chunker"]

_SENTENCE_END = re.compile(r"[.!?\u3002\uff01\uff1f\u061f\u06d4][\"'\u201d\u2019)\]]*\s*$")
_WORD = re.compile(r"\S+\s*")
_TYPES = {
    ITEM: ContentType.LIST,
    ROW: ContentType.TABLE,
    TABLE: ContentType.TABLE,
    HEADING: ContentType.HEADING,
}


class Chunker:
    """Cuts paragraphs into chunks; one for each document, used once.

    Args:
        ingest_key: Ids of chunks are derived from it.
        limit: Tokens that a chunk holds at most, unless a single word is longer.
        overlap: Tokens of the end of a chunk that the next one repeats when a section was cut by size.
        count: Length of a text in tokens.
    """

    def __init__(
        self, ingest_key: str, limit: int, overlap: int, count: Callable[[str], int] = count_tokens
    ) -> None:
        self._key = ingest_key
        self._limit = limit
        self._overlap = overlap
        self._count = count
        self._chunks: list[Chunk] = []
        self._path: list[tuple[int, str]] = []
        self._pieces: list[tuple[Piece, int]] = []
        self._kinds: set[str] = set()
        self._tokens = 0
        self._level = 0
        self._start_path: list[str] = []
        self._repeated = 0
        self._caption = 0

    def add_all(self, paragraphs: Iterable[Paragraph]) -> list[Chunk]:
        """Cut the document's paragraphs into chunks."""
        for paragraph in paragraphs:
            if paragraph.kind == HEADING:
                self._open_section(paragraph)
            if paragraph.kind == TABLE:
                self._add_table(paragraph)
            else:
                self._add(paragraph)
                is_one = is_caption(paragraph.pieces[0][0])
                self._caption = min(len(paragraph.pieces), len(self._pieces)) if is_one else 0
        self._flush(keep_overlap=False)
        return self._chunks

    def _open_section(self, heading: Paragraph) -> None:
        """Begin a chunk, unless this heading is a lower one and the chunk at hand is still small."""
        only_headings = self._kinds <= {HEADING}
        lower = heading.level > self._level or not self._pieces
        if not lower or not (only_headings or self._tokens < self._limit // 2):
            self._flush(keep_overlap=False)
        while self._path and self._path[-1][0] >= heading.level:
            self._path.pop()
        self._path.append((heading.level, " ".join(heading.text.split())))
        if not self._pieces:
            self._level = heading.level
            self._start_path = [title for _, title in self._path]

    def _add(self, paragraph: Paragraph) -> None:
        end = "\n" if paragraph.kind in {ITEM, ROW} else "\n\n"
        counted = [(piece, self._count(piece[0])) for piece in paragraph.pieces]
        text, page, line = paragraph.pieces[-1]
        counted[-1] = ((text + end, page, line), counted[-1][1])
        total = sum(tokens for _, tokens in counted)
        if self._tokens + total <= self._limit:
            self._take(counted, total, paragraph.kind)
            return
        if total <= self._limit and self._tokens > self._limit // 2:
            self._flush(keep_overlap=True)
            if self._tokens + total > self._limit:
                self._drop_overlap()
            self._take(counted, total, paragraph.kind)
            return
        for piece, tokens in counted:
            self._add_piece(piece, tokens, paragraph.kind)

    def _add_table(self, table: Paragraph) -> None:
        """Give a table chunks of its own, with its caption; one that is cut repeats its header in each."""
        caption = self._pieces[len(self._pieces) - self._caption :] if self._caption else []
        if self._kinds - {HEADING}:
            del self._pieces[len(self._pieces) - len(caption) :]
            self._tokens -= sum(tokens for _, tokens in caption)
            self._flush(keep_overlap=False)
            if caption:
                self._take(caption, sum(tokens for _, tokens in caption), TABLE)
        (head, page, line), *rows = table.pieces
        length = self._count(head)
        if self._tokens + length > self._limit:
            self._flush(keep_overlap=False)
        self._take([((head, page, line), length)], length, TABLE)
        for row in rows:
            tokens = self._count(row[0])
            if self._tokens + tokens > self._limit:
                self._flush(keep_overlap=False)
                if length + tokens <= self._limit:
                    self._take([((head, row[1], row[2]), length)], length, TABLE)
                    self._repeated = 1
            self._take([(row, tokens)], tokens, TABLE)
        self._flush(keep_overlap=False)
        self._caption = 0

    def _take(self, counted: list[tuple[Piece, int]], total: int, kind: str) -> None:
        if not self._pieces:
            self._begin()
        self._pieces.extend(counted)
        self._tokens += total
        self._kinds.add(kind)

    def _begin(self) -> None:
        self._level = self._path[-1][0] if self._path else 0
        self._start_path = [title for _, title in self._path]

    def _add_piece(self, piece: Piece, tokens: int, kind: str) -> None:
        if tokens > self._limit:
            for part in self._cut(piece):
                self._add_piece(part, min(self._count(part[0]), self._limit), kind)
            return
        if self._tokens + tokens > self._limit:
            self._flush(keep_overlap=True)
            if self._tokens + tokens > self._limit:
                self._drop_overlap()
        self._take([(piece, tokens)], tokens, kind)

    def _cut(self, piece: Piece) -> list[Piece]:
        """Cut one overlong line between words; a word longer than the limit, between its letters."""
        text, page, line = piece
        parts: list[Piece] = []
        start, tokens = 0, 0
        for match in _WORD.finditer(text):
            word = match.group()
            length = self._count(word)
            if tokens + length > self._limit and match.start() > start:
                parts.append((text[start : match.start()], page, line))
                start, tokens = match.start(), 0
            while length > self._limit:  # every token has at least one letter
                parts.append((text[start : start + self._limit], page, line))
                start += self._limit
                word = text[start : match.end()]
                length = self._count(word)
            tokens += length
        parts.append((text[start:], page, line))
        return [part for part in parts if part[0]]

    def _flush(self, *, keep_overlap: bool) -> None:
        if len(self._pieces) > self._repeated:
            self._chunks.append(self._chunk())
            tail = self._tail() if keep_overlap else []
        else:
            tail = []
        self._pieces = tail
        self._repeated = len(tail)
        self._tokens = sum(tokens for _, tokens in tail)
        self._kinds = set()
        if tail:
            self._begin()

    def _drop_overlap(self) -> None:
        self._pieces, self._repeated, self._tokens = [], 0, 0

    def _tail(self) -> list[tuple[Piece, int]]:
        """The last lines, at most `overlap` tokens, from the start of a sentence where there is one."""
        tail: list[tuple[Piece, int]] = []
        room = self._overlap
        for piece, tokens in reversed(self._pieces):
            if tokens > room:
                break
            tail.append((piece, tokens))
            room -= tokens
        tail.reverse()
        for index in range(1, len(tail)):
            if _SENTENCE_END.search(tail[index - 1][0][0]):
                return tail[index:]
        return tail

    def _chunk(self) -> Chunk:
        text = "".join([piece[0] for piece, _ in self._pieces]).rstrip()
        index = len(self._chunks)
        boxes = _boxes([piece for piece, _ in self._pieces])
        kinds = {TABLE} if TABLE in self._kinds else self._kinds - {HEADING} or self._kinds
        kind = next(iter(kinds)) if len(kinds) == 1 else ""
        return Chunk(
            id=hashlib.sha256(f"{self._key}:{index}".encode()).hexdigest()[:32],
            index=index,
            text=text,
            page_numbers=[box.page_number for box in boxes],
            heading_path=self._start_path,
            content_type=_TYPES.get(kind, ContentType.NARRATIVE),
            boxes=boxes,
            token_count=self._tokens,
            sha256=hashlib.sha256(text.encode()).hexdigest(),
        )


def _boxes(pieces: list[Piece]) -> list[PageBox]:
    pages: dict[int, list[Line]] = {}
    for _, page, line in pieces:
        pages.setdefault(page, []).append(line)
    return [
        PageBox(
            page_number=page,
            box=(
                min(line.x0 for line in lines) / SCALE,
                min(line.y0 for line in lines) / SCALE,
                max(line.x1 for line in lines) / SCALE,
                max(line.y1 for line in lines) / SCALE,
            ),
        )
        for page, lines in sorted(pages.items())
    ]
