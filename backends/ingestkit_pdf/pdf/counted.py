"""Passages and their length in tokens: counted whole, and line by line only where one has to be cut."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ingestkit_pdf.pdf.paragraphs import ITEM, ROW, TABLE
from ingestkit_pdf.pdf.passages import Passage, Piece
from ingestkit_pdf.pdf.tokens import Count

__all__ = ["CountedPassage", "CountedPiece", "count_passages", "count_pieces", "cut_piece"]

CountedPiece = tuple[Piece, int]

_IN_ONE_CALL = 1000  # passages that are counted at once
_CLOSE = frozenset({ITEM, ROW})  # no blank line between two of them
_WORD = re.compile(r"\s*\S+(?:\s+$)?")


@dataclass(slots=True)
class CountedPassage:
    """A passage, its pieces with the white space that follows them, and the length of all of them."""

    passage: Passage
    pieces: list[Piece]
    tokens: int


def count_passages(passages: list[Passage], count: Count) -> Iterator[CountedPassage]:
    """Take every passage out and count it, many in one call."""
    while passages:
        some = passages[:_IN_ONE_CALL]
        del passages[:_IN_ONE_CALL]
        ended = [_ended(passage) for passage in some]
        counts = count(["".join([piece[0] for piece in pieces]) for pieces in ended])
        yield from map(CountedPassage, some, ended, counts)


def _ended(passage: Passage) -> list[Piece]:
    """The pieces, the last one with the line break or the blank line that ends the passage."""
    if passage.kind == TABLE:
        return passage.pieces
    text, page, box = passage.pieces[-1]
    end = "\n" if passage.kind in _CLOSE else "\n\n"
    return [*passage.pieces[:-1], (text + end, page, box)]


def count_pieces(pieces: Sequence[Piece], count: Count) -> list[CountedPiece]:
    """Count each piece so that the lengths add up to the length of the text that they make.

    Byte-pair vocabularies put a space with the word after it, and a line break with what is before it.
    """
    units: list[str] = []
    lead = ""
    for text, _, _ in pieces:
        body = text.rstrip(" ")
        units.append(lead + body)
        lead = " " if len(body) < len(text) else ""
    return list(zip(pieces, count(units) if units else (), strict=True))


def cut_piece(piece: Piece, limit: int, count: Count) -> list[CountedPiece]:
    """Cut one overlong line between words; a word longer than the limit, between its letters."""
    text, page, box = piece
    words = _WORD.findall(text)
    parts: list[CountedPiece] = []
    current, tokens = "", 0
    for word, length in zip(words, count(words), strict=True):
        for part, size in _halved(word, length, limit, count):
            if current and tokens + size > limit:
                parts.append(((current, page, box), tokens))
                current, tokens = "", 0
            current, tokens = current + part, tokens + size
    if current:
        parts.append(((current, page, box), tokens))
    return parts


def _halved(word: str, length: int, limit: int, count: Count) -> list[tuple[str, int]]:
    """The word, halved until each part fits; one letter alone may be longer, and is left so."""
    if length <= limit or len(word) == 1:
        return [(word, length)]
    middle = len(word) // 2
    halves = [word[:middle], word[middle:]]
    first, second = count(halves)
    return _halved(halves[0], first, limit, count) + _halved(halves[1], second, limit, count)
