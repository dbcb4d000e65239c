"""Where one chunk ends and the next begins: at headings, around tables, and where a chunk is full."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ingestkit_pdf.pdf.counted import CountedPiece, count_pieces, cut_piece
from ingestkit_pdf.pdf.paragraphs import CONTENTS, FOOTNOTE, FORM, HEADING, TABLE
from ingestkit_pdf.pdf.passages import Passage, Piece
from ingestkit_pdf.pdf.tables import is_caption
from ingestkit_pdf.pdf.text import ends_sentence
from ingestkit_pdf.pdf.tokens import Count

__all__ = ["Cutter", "Draft"]

_HEAD = 0.5  # of a chunk: a longer header of a table is not repeated
_LETTERS = 12
"""Hardly any text has so many letters to a token: so far back may what an overlap repeats begin."""


@dataclass(slots=True)
class Draft:
    """A chunk to be: its pieces, of which `repeated` are from the chunk before it."""

    pieces: list[Piece]
    kinds: set[str]
    path: list[str]
    repeated: int

    @property
    def text(self) -> str:
        """Its text."""
        return "".join([piece[0] for piece in self.pieces]).rstrip()

    @property
    def may_be_longer(self) -> bool:
        """True for a single row of a table, which is never cut."""
        return TABLE in self.kinds and len(self.pieces) - self.repeated == 1


class Cutter:
    """Cuts counted passages; one for each document, used once."""

    def __init__(self, limit: int, overlap: int, count: Count) -> None:
        self._limit = limit
        self._overlap = overlap
        self._count = count
        self._drafts: list[Draft] = []
        self._path: list[tuple[int, str]] = []
        self._pieces: list[Piece] = []
        self._kinds: set[str] = set()
        self._tokens = 0
        self._level = 0
        self._start_path: list[str] = []
        self._repeated = 0
        self._before: Passage | None = None
        self._notes: list[Passage] = []

    def cut(self, counted: Iterable[Passage]) -> Iterator[Draft]:
        """The drafts of all chunks, in order."""
        for passage in counted:
            if self._drafts:
                yield from self._take_drafts()
            if passage.kind == FOOTNOTE:
                self._notes.append(passage)
                continue
            if passage.kind == HEADING:
                self._add_notes()
                self._open_section(passage)
            if (passage.kind == FORM) != (FORM in self._kinds):  # fields are chunks of their own
                self._flush(keep_overlap=False)
            if (passage.kind == CONTENTS) != (CONTENTS in self._kinds) and self._kinds - {HEADING}:
                self._flush(keep_overlap=False)  # contents, too, with their title
            if passage.kind == TABLE:
                self._add_table(passage)
            else:
                self._add(passage)
                self._before = passage
        self._flush(keep_overlap=False)
        self._add_notes()
        yield from self._take_drafts()

    def cut_draft(self, draft: Draft) -> list[Draft]:
        """The drafts that one makes when it is cut by its pieces."""
        if TABLE in draft.kinds:
            self._add_rows(draft.pieces)
        else:
            for piece, tokens in count_pieces(draft.pieces, self._count):
                self._add_piece(piece, tokens, "")
        self._flush(keep_overlap=False)
        return [replace(part, kinds=draft.kinds, path=draft.path) for part in self._drafts]

    def _take_drafts(self) -> list[Draft]:
        drafts, self._drafts = self._drafts, []
        return drafts

    def _add_notes(self) -> None:
        """Give the footnotes of a section chunks of their own, behind it."""
        if self._notes:
            self._flush(keep_overlap=False)
            for note in self._notes:
                self._add(note)
            self._notes = []
            self._flush(keep_overlap=False)

    def _open_section(self, heading: Passage) -> None:
        """Begin a chunk, unless this heading is a lower one and the chunk at hand is still small."""
        only_headings = self._kinds <= {HEADING}
        lower = heading.level > self._level or not self._pieces
        if not lower or not (only_headings or self._tokens < self._limit // 2):
            self._flush(keep_overlap=False)
        while self._path and self._path[-1][0] >= heading.level:
            self._path.pop()
        self._path.append((heading.level, " ".join(heading.text.split())))
        if not self._pieces:
            self._begin()

    def _add(self, passage: Passage) -> None:
        kind, total = passage.kind, passage.tokens
        if self._tokens + total <= self._limit:
            self._take(passage.pieces, total, kind)
            return
        if total <= self._limit and self._tokens > self._limit // 2:
            self._flush(keep_overlap=True)
            if self._tokens + total > self._limit:
                self._drop_overlap()
            self._take(passage.pieces, total, kind)
            return
        for piece, tokens in count_pieces(passage.pieces, self._count):
            self._add_piece(piece, tokens, kind)

    def _add_table(self, table: Passage) -> None:
        """Give a table chunks of its own, with its caption; one that is cut repeats its header in each."""
        caption: list[Piece] = []
        if self._before is not None and is_caption(self._before.pieces[0][0]):
            caption = self._pieces[-len(self._before.pieces) :]
        if self._kinds - {HEADING}:
            length = sum(tokens for _, tokens in count_pieces(caption, self._count))
            del self._pieces[len(self._pieces) - len(caption) :]
            self._tokens -= length
            self._flush(keep_overlap=False)
            if caption:
                self._take(caption, length, TABLE)
        if self._tokens + table.tokens <= self._limit:
            self._take(table.pieces, table.tokens, TABLE)
        else:
            self._add_rows(table.pieces)
        self._flush(keep_overlap=False)

    def _add_rows(self, pieces: list[Piece]) -> None:
        (head, length), *rows = count_pieces(pieces, self._count)
        if self._tokens + length > self._limit:
            self._flush(keep_overlap=False)
        self._take([head], length, TABLE)
        for row, tokens in rows:
            if self._tokens + tokens > self._limit:
                self._flush(keep_overlap=False)
                if length <= _HEAD * self._limit and length + tokens <= self._limit:
                    self._take([(head[0], row[1], row[2])], length, TABLE)
                    self._repeated = 1
            self._take([row], tokens, TABLE)

    def _take(self, pieces: list[Piece], tokens: int, kind: str) -> None:
        if not self._pieces:
            self._begin()
        self._pieces.extend(pieces)
        self._tokens += tokens
        self._kinds.add(kind)

    def _begin(self) -> None:
        self._level = self._path[-1][0] if self._path else 0
        self._start_path = [title for _, title in self._path]

    def _add_piece(self, piece: Piece, tokens: int, kind: str) -> None:
        if tokens > self._limit:
            for part, length in cut_piece(piece, self._limit, self._count):
                self._add_part(part, length, kind)
        else:
            self._add_part(piece, tokens, kind)

    def _add_part(self, piece: Piece, tokens: int, kind: str) -> None:
        if self._tokens + tokens > self._limit:
            self._flush(keep_overlap=True)
            if self._tokens + tokens > self._limit:
                self._drop_overlap()
        self._take([piece], tokens, kind)

    def _flush(self, *, keep_overlap: bool) -> None:
        tail: list[Piece] = []
        tokens = 0
        if len(self._pieces) > self._repeated:
            self._drafts.append(Draft(self._pieces, self._kinds, self._start_path, self._repeated))
            if keep_overlap and self._overlap:
                tail, tokens = self._tail()
        self._pieces = tail
        self._repeated = len(tail)
        self._tokens = tokens
        self._kinds = set()
        if tail:
            self._begin()

    def _drop_overlap(self) -> None:
        self._pieces, self._repeated, self._tokens = [], 0, 0

    def _tail(self) -> tuple[list[Piece], int]:
        """The last lines, at most `overlap` tokens, from the start of a sentence where there is one."""
        first, letters = len(self._pieces), 0
        while first > 0 and letters < self._overlap * _LETTERS:
            first -= 1
            letters += len(self._pieces[first][0])
        tail: list[CountedPiece] = []
        room = self._overlap
        for piece, tokens in reversed(count_pieces(self._pieces[first:], self._count)):
            if tokens > room:
                break
            tail.append((piece, tokens))
            room -= tokens
        tail.reverse()
        for index in range(1, len(tail)):
            if ends_sentence(tail[index - 1][0][0]):
                tail = tail[index:]
                break
        return [piece for piece, _ in tail], sum(tokens for _, tokens in tail)
