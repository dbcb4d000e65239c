"""Paragraphs as they are kept until the whole document is known: text with its places, and how it looks.

The lines and spans that they were made of stay behind. What is left is small, because all of a document is
held in this form, and quickly packed, because in this form it goes from one worker to another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingestkit_pdf.pdf.lines import BOLD, ITALIC, MONO, Line
from ingestkit_pdf.pdf.paragraphs import CODE, CONTENTS, HEADING, ROW, TABLE, Paragraph
from ingestkit_pdf.pdf.text import LINE_HYPHEN, clean, with_join

__all__ = ["LOOK_LINES", "IntBox", "Passage", "Piece", "Run", "passage_of"]

LOOK_LINES = 4
"""Lines of which every letter counts for the emphasis; a longer passage is as its first line is."""

_EMPHASIS = 0.8  # of the letters; the number or the full stop may be of another font
_CODE_LETTER = 0.6  # of the font size: the width of a letter of code
_TAB = 4  # letters of code that a tab is wide
_DEEPEST = 4  # levels that items of a list are indented by
_PLAIN = frozenset({ROW, CONTENTS, TABLE})

IntBox = tuple[int, int, int, int]
"""x0, y0, x1, y1 in hundredths of a point."""

Piece = tuple[str, int, IntBox]
"""The text of a line with the white space that follows it, page number, box: what a chunk is made of."""

Run = tuple[str, int]
"""Text of one style, and the bits of that."""


@dataclass(slots=True)
class Passage:
    """A paragraph; one that goes on over several columns or pages is one.

    Attributes:
        kind: As that of a `Paragraph`.
        pieces: Its text, line by line.
        size, style, font: Of its first line; the font is that of the line's last span.
        role: What tags or the layout model say it is for.
        indent: Levels that it is indented by, as an item of a list.
        upright: Its lines run across the page.
        is_aside: As that of a `Paragraph`.
        letters: How many it has, how many of them are bold and how many italic; 0 where it has many lines.
        common: The bits of style that all of it has.
        runs: Its text as Markdown has it, cut where the style changes; None where that is its text as it is.
        level: Of a heading, from 1.
        tokens: Its length with the white space that ends it; 0 until it is counted, and once it has changed.
    """

    kind: str
    pieces: list[Piece]
    size: int
    style: int = 0
    font: str = ""
    role: str = ""
    indent: int = 0
    upright: bool = True
    is_aside: bool = False
    letters: tuple[int, int, int] = (0, 0, 0)
    common: int = 0
    runs: list[Run] | None = None
    level: int = 0
    tokens: int = 0

    @property
    def text(self) -> str:
        """The whole text."""
        if len(self.pieces) == 1:
            return self.pieces[0][0].rstrip()
        return "".join([piece[0] for piece in self.pieces]).rstrip()

    @property
    def page(self) -> int:
        """Number of the page it begins on."""
        return self.pieces[0][1]

    @property
    def emphasis(self) -> int:
        """BOLD, ITALIC, or 0: what most of its letters are set in."""
        if len(self.pieces) > LOOK_LINES:
            return self.style & BOLD
        total, bold, italic = self.letters
        if bold >= _EMPHASIS * total > 0:
            return BOLD
        return ITALIC if italic >= _EMPHASIS * total > 0 else 0

    def append(self, rest: Passage) -> None:
        """Go on with another one: a space between words, none between Chinese letters."""
        text, page, box = self.pieces[-1]
        joined = with_join(text, rest.pieces[0][0])
        if self.runs is not None or rest.runs is not None:
            runs = list(self.runs or [(self.text, self.common)])
            if len(joined) == len(text) and joined != text:
                runs[-1] = (runs[-1][0][:-1] + LINE_HYPHEN, runs[-1][1])
            else:
                runs.append((joined[len(text) :], self.common))
            self.runs = runs + (rest.runs or [(rest.text, rest.common)])
        self.common &= rest.common
        self.pieces[-1] = (joined, page, box)
        self.pieces.extend(rest.pieces)
        ours, theirs = self.letters, rest.letters
        self.letters = (ours[0] + theirs[0], ours[1] + theirs[1], ours[2] + theirs[2])
        self.tokens = 0

    def make_heading(self, level: int) -> None:
        """It is a heading of this level."""
        self.kind, self.level, self.tokens = HEADING, level, 0


def passage_of(paragraph: Paragraph) -> Passage:
    """What is kept of a paragraph."""
    lines = [line for _, _, line in paragraph.pieces]
    first = lines[0]
    styles = {span[1] for line in lines for span in line.spans}
    common = BOLD | ITALIC | MONO
    used = 0
    for line in lines:
        common &= line.style
    for style in styles:
        used |= style
    kind = paragraph.kind
    runs = None
    if kind == CODE:
        _indent(paragraph)
    elif kind not in _PLAIN and used & ~common:
        runs = _runs(paragraph, common)
    indent = (paragraph.left - paragraph.region_left) // max(3 * paragraph.size, 1)
    return Passage(
        kind,
        [(text, page, (line.x0, line.y0, line.x1, line.y1)) for text, page, line in paragraph.pieces],
        paragraph.size,
        paragraph.style,
        first.spans[-1][2] if first.spans else "",
        paragraph.role,
        min(max(indent, 0), _DEEPEST),
        first.upright,
        paragraph.is_aside,
        _letters(lines, styles) if len(lines) <= LOOK_LINES else (0, 0, 0),
        common,
        runs,
    )


def _letters(lines: Sequence[Line], styles: set[int]) -> tuple[int, int, int]:
    """How many letters there are, how many of them bold and how many italic."""
    if len(styles) == 1:  # nearly always
        (style,) = styles
        total = sum([len(span[0]) for line in lines for span in line.spans])
        return total, total if style & BOLD else 0, total if style & ITALIC else 0
    total = bold = italic = 0
    for line in lines:
        for span in line.spans:
            length, style = len(span[0]), span[1]
            total += length
            if style & BOLD:
                bold += length
            if style & ITALIC:
                italic += length
    return total, bold, italic


def _indent(paragraph: Paragraph) -> None:
    """Put lines of code as far from the left as they stand: by their place and the spaces before."""
    left = min([line.x0 for _, _, line in paragraph.pieces])
    columns = [
        round((line.x0 - left) / max(_CODE_LETTER * line.size, 1)) + _spaces(line.text)
        for _, _, line in paragraph.pieces
    ]
    first = min(columns)
    paragraph.pieces = [
        (" " * (column - first) + text, page, line)
        for column, (text, page, line) in zip(columns, paragraph.pieces, strict=True)
    ]


def _spaces(text: str) -> int:
    text = text.expandtabs(_TAB)
    return len(text) - len(text.lstrip())


def _runs(paragraph: Paragraph, common: int) -> list[Run] | None:
    """The text cut at every change of style; None where there is none."""
    runs: list[Run] = []
    for text, _, line in paragraph.pieces:
        _add_runs(runs, text, line, common)
    return runs if any(style != common for _, style in runs) else None


def _add_runs(runs: list[Run], text: str, line: Line, common: int) -> None:
    """Cut `text`, the line's text as it was cleaned: its spans are looked up in it."""
    position = 0
    for span, style, _, _, _, _ in line.spans:
        if not style & ~common:
            continue
        run = span.strip() if span.isascii() else clean(span)
        start = text.find(run, position)
        if start < 0:  # hyphenated at the end of the line, or normalised
            run = run[:-1]
            start = text.find(run, position)
        if start < 0 or not run:
            continue
        if start > position:
            runs.append((text[position:start], common))
        runs.append((run, style))
        position = start + len(run)
    if position < len(text):
        runs.append((text[position:], common))
