"""Passages and their length in tokens: counted whole, and line by line only where one has to be cut."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ingestkit_pdf.pdf.paragraphs import ITEM, ROW, TABLE
from ingestkit_pdf.pdf.passages import Passage, Piece
from ingestkit_pdf.pdf.text import LINE_HYPHEN
from ingestkit_pdf.pdf.tokens import Count

__all__ = ["CountedPiece", "count_early", "count_passages", "count_pieces", "cut_piece"]

CountedPiece = tuple[Piece, int]

_IN_ONE_CALL = 1000  # passages that are counted at once
_ENDS = {TABLE: "", ITEM: "\n", ROW: "\n"}  # what is behind a passage, by its kind
_END = "\n\n"  # of all others
_WORD = re.compile(r"\s*\S+(?:\s+$)?")


def count_early(passages: Sequence[Passage], count: Count) -> None:
    """Count passages before all of the document is there; not those with a hyphen that is to be decided."""
    _count([one for one in passages if LINE_HYPHEN not in one.text], count)


def count_passages(passages: list[Passage], count: Count) -> Iterator[Passage]:
    """Take every passage out, counted and with what ends it; many are counted in one call."""
    while passages:
        some = passages[:_IN_ONE_CALL]
        del passages[:_IN_ONE_CALL]
        _count([passage for passage in some if not passage.tokens], count)
        for passage in some:
            text, page, box = passage.pieces[-1]
            passage.pieces[-1] = (text + _ENDS.get(passage.kind, _END), page, box)
            yield passage


def _count(passages: Sequence[Passage], count: Count) -> None:
    texts = [
        "".join([piece[0] for piece in passage.pieces]) + _ENDS.get(passage.kind, _END)
        for passage in passages
    ]
    for passage, tokens in zip(passages, count(texts), strict=True):
        passage.tokens = tokens


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
