"""Paragraphs and their length in tokens: counted whole, and line by line only where one has to be cut."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ingestkit_pdf.pdf.paragraphs import ITEM, ROW, TABLE, Paragraph, Piece
from ingestkit_pdf.pdf.tokens import Count

__all__ = ["CountedParagraph", "CountedPiece", "count_paragraphs", "count_pieces", "cut_piece"]

CountedPiece = tuple[Piece, int]

_WORD = re.compile(r"\s*\S+(?:\s+$)?")


@dataclass(slots=True)
class CountedParagraph:
    """A paragraph, its pieces with the white space that follows them, and the length of all of them."""

    paragraph: Paragraph
    pieces: list[Piece]
    tokens: int


def count_paragraphs(paragraphs: Sequence[Paragraph], count: Count) -> list[CountedParagraph]:
    """Count every paragraph, in one call: most of a call's time is not the counting."""
    ended = [_ended(paragraph) for paragraph in paragraphs]
    counts = count(["".join([piece[0] for piece in pieces]) for pieces in ended]) if ended else []
    return [
        CountedParagraph(paragraph, pieces, tokens)
        for paragraph, pieces, tokens in zip(paragraphs, ended, counts, strict=True)
    ]


def _ended(paragraph: Paragraph) -> list[Piece]:
    """The pieces, the last one with the line break or the blank line that ends the paragraph."""
    if paragraph.kind == TABLE or not paragraph.pieces:
        return paragraph.pieces
    text, page, line = paragraph.pieces[-1]
    end = "\n" if paragraph.kind in {ITEM, ROW} else "\n\n"
    return [*paragraph.pieces[:-1], (text + end, page, line)]


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
    text, page, line = piece
    words = _WORD.findall(text)
    parts: list[CountedPiece] = []
    current, tokens = "", 0
    for word, length in zip(words, count(words), strict=True):
        for part, size in _halved(word, length, limit, count):
            if current and tokens + size > limit:
                parts.append(((current, page, line), tokens))
                current, tokens = "", 0
            current, tokens = current + part, tokens + size
    if current:
        parts.append(((current, page, line), tokens))
    return parts


def _halved(word: str, length: int, limit: int, count: Count) -> list[tuple[str, int]]:
    """The word, halved until each part fits; one letter alone may be longer, and is left so."""
    if length <= limit or len(word) == 1:
        return [(word, length)]
    middle = len(word) // 2
    halves = [word[:middle], word[middle:]]
    first, second = count(halves)
    return _halved(halves[0], first, limit, count) + _halved(halves[1], second, limit, count)
