"""From lines in reading order to paragraphs, list items, rows of cells and code."""

from __future__ import annotations

import re
import unicodedata

from ingestkit_pdf.pdf.layout import Region
from ingestkit_pdf.pdf.lines import BOLD, MONO, Line
from ingestkit_pdf.pdf.tables import TableLine, markdown_rows

__all__ = [
    "CODE",
    "HEADING",
    "ITEM",
    "ROW",
    "TABLE",
    "TEXT",
    "Paragraph",
    "Piece",
    "continue_across_pages",
    "split_paragraphs",
]

TEXT, ITEM, ROW, CODE, HEADING, TABLE = "text", "item", "row", "code", "heading", "table"

Piece = tuple[str, int, Line]
"""Text with the white space that follows it, page number, line: what a chunk is made of."""

_BULLETS = (
    "\u2022\u2023\u2043\u204c\u204d\u2219\u00b7\u25aa\u25ab\u25a0\u25a1\u25b6\u25b7\u25b8\u25ba"
    "\u25c6\u25c7\u25cb\u25cf\u25e6\u2713\u2714\u2756\u2794\u27a1\u27a2\u27a4"
    "\uf076\uf0a7\uf0b7\uf0d8\uf0fc"  # Symbol and Wingdings in the private area
)
_ITEM = re.compile(
    rf"[{_BULLETS}]\s*(?=\S)|[-\u2013\u2014*]\s+(?=\S)|\(?(?:\d{{1,2}}|[a-zA-Z]|[ivx]{{1,4}})[.)]\s+(?=\S)"
)
_NUMBERED_CAPITALS = re.compile(
    r"(?:[IVX]{1,5}|[A-Z]|\d{1,2})\.\s+[^a-z]{3,80}$"
)  # a heading: II. RELATED WORK
_LONE_BULLET = re.compile(rf"[{_BULLETS}\u2013\u2014*-]\s*$")
_SENTENCE_END = (
    ".",
    ":",
    "!",
    "?",
    ";",
    "\u3002",
    "\uff01",
    "\uff1f",
    "\u06d4",
    ".\u201d",
    '."',
    ".)",
    "\u061f",
)
_UNSPACED = re.compile("[\u2e80-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uff60]")
_COMPATIBILITY = re.compile("[\ufb00-\ufdff\ufe70-\ufefe\u2160-\u217f\uff01-\uff5e\u3000]")
_LEADERS = re.compile(r"(?:\s*\.){4,}\s*")
_COMBINING = {
    "\u00b4": "\u0301",
    "\u00a8": "\u0308",
    "\u02c6": "\u0302",
    "\u02dc": "\u0303",
    "\u02c7": "\u030c",
    "\u02d8": "\u0306",
    "\u02da": "\u030a",
    "\u02dd": "\u030b",
}
_ACCENTED = frozenset("AEIOUYCNSZRTaeiouycnszrt")
_VOWELS = frozenset("AEIOUaeiou")
_LOOSE_ACCENT = re.compile(rf"([A-Za-z]?)([{''.join(_COMBINING)}])([A-Za-z]?)")


class Paragraph:
    """Lines that belong together.

    Attributes:
        kind: TEXT, ITEM, ROW (cells side by side), CODE, HEADING or TABLE.
        pieces: Its text, line by line, each with its page and line.
        level: Of a heading, from 1.
        size, style: Of its first line.
        alone: No other line stands beside or directly in the same block of text.
    """

    __slots__ = ("kind", "left", "level", "pieces", "region_left", "size", "style")

    def __init__(self, kind: str, page: int, line: Line, region: Region) -> None:
        self.kind = kind
        self.level = 0
        self.size = line.size
        self.style = line.style
        self.left = line.x0
        self.region_left = region.left
        self.pieces: list[Piece] = [(_clean(line.text), page, line)]

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

    def add(self, page: int, line: Line) -> None:
        """Append a line: hyphenation undone, a space between words, none between Chinese characters."""
        before, number, last = self.pieces[-1]
        text = _clean(line.text)
        if self.kind in {ROW, CODE}:
            before += "\n"
        elif before.endswith(("-", "\u00ad", "\u2010")) and _is_hyphenated(before, text):
            before = before[:-1]
        elif not (_UNSPACED.match(before[-1:]) and _UNSPACED.match(text[:1])):
            before += " "
        self.pieces[-1] = (before, number, last)
        self.pieces.append((text, page, line))


def _clean(text: str) -> str:
    """Shorten leaders; resolve ligatures, Arabic shapes, wide letters and loose accents."""
    text = text.strip()
    if "...." in text or ". . ." in text:
        text = _LEADERS.sub(" \u2026 ", text).strip()
    if not text.isascii():
        if _COMPATIBILITY.search(text):
            text = unicodedata.normalize("NFKC", text)
        if _LOOSE_ACCENT.search(text):
            text = _LOOSE_ACCENT.sub(_composed, text)
    return text


def _composed(match: re.Match[str]) -> str:
    """Put an accent that stands by itself on its letter: the next one (TeX), or the one before.

    Where Unicode has both pairs a vowel is meant rather than a consonant; between two vowels nothing tells
    which, and the text stays as it is.
    """
    before, accent, after = match.groups()
    on_before = unicodedata.normalize("NFC", before + _COMBINING[accent]) if before in _ACCENTED else ""
    on_after = unicodedata.normalize("NFC", after + _COMBINING[accent]) if after in _ACCENTED else ""
    fits_before, fits_after = len(on_before) == 1, len(on_after) == 1
    if fits_before and fits_after:
        fits_before, fits_after = before in _VOWELS, after in _VOWELS
    if fits_before == fits_after:
        return match.group()
    return before + on_after if fits_after else on_before + after


def _is_hyphenated(before: str, after: str) -> bool:
    if before.endswith("\u00ad"):
        return True
    return len(before) > 2 and before[-2].isalpha() and after[:1].islower()


def split_paragraphs(regions: list[Region], page: int) -> list[Paragraph]:
    """Cut the lines of a page into paragraphs."""
    paragraphs: list[Paragraph] = []
    for region in regions:
        current: Paragraph | None = None
        last: Line | None = None
        for line in region.lines:
            if isinstance(line, TableLine):
                paragraphs.append(_table(line, page, region))
                current = last = None
                continue
            if current is not None and last is not None and _belongs(current, last, line, region):
                if current.kind == TEXT and len(current.pieces) == 1 and _LONE_BULLET.match(last.text):
                    current.kind = ITEM
                current.add(page, line)
            else:
                current = Paragraph(_kind(line), page, line, region)
                paragraphs.append(current)
            last = line
    return paragraphs


def _table(line: TableLine, page: int, region: Region) -> Paragraph:
    """A table as a paragraph: one piece for each row, the header and the first row's rule being one."""
    table = Paragraph(TABLE, page, line, region)
    texts = markdown_rows(line.table)
    lines = line.rows[len(line.rows) - len(texts) + 1 :]
    table.pieces = [(text + "\n", page, row) for text, row in zip(texts, [line.rows[0], *lines], strict=True)]
    return table


def _kind(line: Line) -> str:
    if line.cells > 1 or "....." in line.text or ". . . ." in line.text:
        return ROW
    if line.style & MONO:
        return CODE
    return ITEM if _ITEM.match(line.text) and not _NUMBERED_CAPITALS.match(line.text) else TEXT


def _belongs(paragraph: Paragraph, last: Line, line: Line, region: Region) -> bool:
    """True when `line` goes on with the paragraph that ends in `last`."""
    step = line.base - last.base
    size = last.size if last.size > line.size else line.size
    if not (last.upright and line.upright):
        return last.upright == line.upright and last.block == line.block
    if abs(step) < 0.5 * size:  # beside it: a marker and its text, a label and its value
        return line.x0 >= last.x1 - size or line.x1 <= last.x0 + size
    kind = _kind(line)
    if paragraph.kind in {ROW, CODE} or kind in {ROW, CODE}:
        return paragraph.kind == kind and 0 < step < 1.8 * size
    reach = 2.2 if line.block == last.block else 1.5  # MuPDF's blocks end at wider gaps
    if kind == ITEM or not 0 < step <= reach * size:
        return False
    if abs(last.size - line.size) > 0.08 * size or (last.style ^ line.style) & BOLD:
        return False
    return _same_flow(paragraph, last, line, region)


def _same_flow(paragraph: Paragraph, last: Line, line: Line, region: Region) -> bool:
    """True unless indentation or a short last line says that a new paragraph begins."""
    size = max(last.size, line.size)
    short = region.right - last.x1 > 0.12 * (region.right - region.left)
    indent = line.x0 - last.x0
    if paragraph.kind == ITEM:  # the text of an item hangs; what goes back to the margin is not its text
        return not (indent < -0.5 * size and line.x0 <= paragraph.left - 0.3 * size)
    if short and last.text.rstrip().endswith(_SENTENCE_END):
        return False
    if 0.8 * size < indent < 6 * size:
        return len(paragraph.pieces) == 1 and not short and line.block == last.block
    return True


def continue_across_pages(paragraphs: list[Paragraph], following: list[Paragraph]) -> None:
    """Move the first paragraph of a page to the end of the one that it goes on with, if it does."""
    if not (paragraphs and following):
        return
    last, first = paragraphs[-1], following[0]
    if last.kind not in {TEXT, ITEM} or first.kind != TEXT or abs(last.size - first.size) > 0.08 * last.size:
        return
    text = last.pieces[-1][0].rstrip()  # not the whole text: it may grow with every page
    if (
        text.endswith(_SENTENCE_END)
        or not first.pieces[0][0][:1].islower()
        or (last.style ^ first.style) & BOLD
    ):
        return
    for piece in first.pieces:
        last.add(piece[1], piece[2])
    del following[0]
