"""The words of a page for its tables: cut out of its lines, each with where it stands in them.

What has become a cell can so be told from what stays a line, letter by letter.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from ingestkit_pdf.pdf.lines import Line, Span, is_right_to_left
from ingestkit_pdf.pdf.mupdf import SCALE
from ingestkit_pdf.pdf.tables.model import ALL, Word

__all__ = ["single_words", "spans_as_words", "without_words"]

_SPACE = 0.25  # of the font size: a usual space
_word = partial(tuple.__new__, Word)  # half the time of `Word(...)`, and pages have hundreds

_Bounds = tuple[float, float, float, float]


def spans_as_words(lines: Sequence[Line]) -> list[Word] | None:
    """The spans of lines as words: MuPDF begins a new one where there is a wide gap.

    None when a span has several spaces in a row: then they are what separates cells.
    """
    words: list[Word] = []
    for number, line in enumerate(lines):
        if not line.upright:
            words.append(_whole(line, number))
            continue
        y0, y1 = line.y0 / SCALE, line.y1 / SCALE
        for index, (text, _, _, size, x0, x1) in enumerate(line.spans):
            bare = text.strip()
            if not bare:
                continue
            if "  " in bare:
                return None
            if len(bare) < len(text):
                space = int(_SPACE * size)
                x0 += space * (len(text) - len(text.lstrip()))  # noqa: PLW2901 - hot
                x1 -= space * (len(text) - len(text.rstrip()))  # noqa: PLW2901
            words.append(_word((x0 / SCALE, y0, x1 / SCALE, y1, bare, (number, index, ALL))))
    return words


def single_words(lines: Sequence[Line], placed: Iterable[tuple[Any, ...]]) -> list[Word]:
    """The words of lines one by one.

    Args:
        lines: Of the page.
        placed: (x0, y0, x1, y1, text, ...) in points: where MuPDF says that words stand. The place of others,
            of such as it did not read or reads in another way, is taken from their letters.
    """
    known: defaultdict[str, list[_Bounds]] = defaultdict(list)
    for word in placed:
        known[word[4]].append(word[:4])
    words: list[Word] = []
    for number, line in enumerate(lines):
        if not line.upright:
            words.append(_whole(line, number))
            continue
        y0, y1 = line.y0 / SCALE, line.y1 / SCALE
        for index, span in enumerate(line.spans):
            twice = 2 * span[4] / SCALE, 2 * y0, 2 * span[5] / SCALE, 2 * y1
            for part, text in enumerate(span[0].split()):
                box = _taken(known[text], twice) or _estimated(span, part, y0, y1)
                words.append(_word((*box, text, (number, index, part))))
    return words


def _taken(boxes: list[_Bounds], twice: _Bounds) -> _Bounds | None:
    """Take the first of the boxes that has its middle in another one, which is given twice as large."""
    left, top, right, bottom = twice
    for index, (x0, y0, x1, y1) in enumerate(boxes):
        if top <= y0 + y1 <= bottom and left <= x0 + x1 <= right:
            return boxes.pop(index)
    return None


def _estimated(span: Span, part: int, y0: float, y1: float) -> _Bounds:
    _, x0, x1 = _parts(span)[part]
    return x0 / SCALE, y0, x1 / SCALE, y1


def _whole(line: Line, number: int) -> Word:
    """A line that runs up or down as one word: its words stand above each other, in whatever order."""
    box = line.x0 / SCALE, line.y0 / SCALE, line.x1 / SCALE, line.y1 / SCALE
    return Word(*box, line.text.strip(), (number, ALL, ALL))


def _parts(span: Span) -> list[tuple[str, int, int]]:
    """The words of a span, each with where it begins and ends if all letters are equally wide."""
    text, _, _, _, x0, x1 = span
    width = (x1 - x0) / max(len(text), 1)
    mirrored = is_right_to_left(text)
    parts: list[tuple[str, int, int]] = []
    end = 0
    for word in text.split():
        start = text.index(word, end)
        end = start + len(word)
        if mirrored:
            parts.append((word, int(x1 - width * end), int(x1 - width * start)))
        else:
            parts.append((word, int(x0 + width * start), int(x0 + width * end)))
    return parts


def without_words(line: Line, gone: dict[int, set[int]]) -> Line | None:
    """A line without words; None where nothing is left.

    Args:
        line: The line.
        gone: For indices of its spans the indices of words, as `Word.source` has them.
    """
    if ALL in gone or (len(gone) == len(line.spans) and all(ALL in parts for parts in gone.values())):
        return None
    left: list[Span] = []
    for index, span in enumerate(line.spans):
        parts = gone.get(index)
        if parts is None:
            left.append(span)
        elif ALL not in parts and len(parts) < len(span[0].split()):
            left.extend(_without_parts(span, parts))
    while left and left[0][0].isspace():
        del left[0]
    return line.of(left)


def _without_parts(span: Span, gone: set[int]) -> list[Span]:
    """What is left of a span, a span for each run of words."""
    _, style, font, size, _, _ = span
    left: list[Span] = []
    last = ALL
    for part, (text, x0, x1) in enumerate(_parts(span)):
        if part in gone:
            continue
        if left and last == part - 1:
            before = left.pop()
            left.append((f"{before[0]} {text}", style, font, size, min(before[4], x0), max(before[5], x1)))
        else:
            left.append((text, style, font, size, x0, x1))
        last = part
    return left
