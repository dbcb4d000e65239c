"""From lines in reading order to paragraphs, list items, rows of cells and code."""

from __future__ import annotations

import re

from ingestkit_pdf.pdf import roles
from ingestkit_pdf.pdf.layout import Region
from ingestkit_pdf.pdf.lines import BOLD, ITALIC, MONO, Line
from ingestkit_pdf.pdf.roles import is_heading
from ingestkit_pdf.pdf.tables import TableLine, markdown_rows
from ingestkit_pdf.pdf.text import clean, ends_clause, with_join
from ingestkit_pdf.pdf.vertical import goes_on

__all__ = [
    "CAPTION",
    "CODE",
    "CONTENTS",
    "FOOTNOTE",
    "FORM",
    "HEADING",
    "ITEM",
    "ROW",
    "SAME_SIZE",
    "TABLE",
    "TEXT",
    "Paragraph",
    "split_paragraphs",
]

TEXT, ITEM, ROW, CODE, HEADING, TABLE = "text", "item", "row", "code", "heading", "table"
CAPTION, FOOTNOTE, CONTENTS = "caption", "footnote", "contents"  # apart from the body
FORM = "form"  # the fields of a form, one piece for each

_BULLETS = (
    "\u2022\u2023\u2043\u204c\u204d\u2219\u00b7\u25aa\u25ab\u25a0\u25a1\u25b6\u25b7\u25b8\u25ba"
    "\u25c6\u25c7\u25cb\u25cf\u25e6\u2713\u2714\u2756\u2794\u27a1\u27a2\u27a4"
    "\uf076\uf0a7\uf0b7\uf0d8\uf0fc"  # Symbol and Wingdings in the private area
)
_HAN = "\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d\u5341"  # one to ten
_ITEM = re.compile(
    rf"[{_BULLETS}]\s*(?=\S)|[-\u2013\u2014*]\s+(?=\S)|\(?(?:\d{{1,2}}|[a-zA-Z]|[ivx]{{1,4}})[.)]\s+(?=\S)"
    rf"|[\u2460-\u249b\u3220-\u3229]|(?:[{_HAN}]{{1,3}}|\d{{1,2}})\u3001"
    rf"|[(\uff08](?:[{_HAN}]{{1,3}}|\d{{1,2}})[)\uff09]\s*(?=[\u3400-\u9fff])"
)
_DOUBTFUL = re.compile(r"[-\u2013\u2014]\s|[A-Z]\.\s|(?!1\.)\d{1,2}\.\s|[b-z]\.\s")
"""What begins an item, but also the line of a sentence: a dash, an initial, a date; lists begin with `1.`"""
_FULL = 0.12  # of the width: a line that ends nearer to the right margin is a full one
_NEARLY_FULL = 0.25  # of the width: the next word may have been too long for what is left of the line
_NUMBERED_CAPITALS = re.compile(
    r"(?:[IVX]{1,5}|[A-Z]|\d{1,2})\.\s+[^a-z]{3,80}$"
)  # a heading: II. RELATED WORK
_SECTION = re.compile(r"\d{1,2}(?:\.\d{1,2}){1,4}\.?\s")
SAME_SIZE = 0.06  # headings of the lowest level are hardly larger than the body
_ROW_STEP = 1.8  # times the size: rows of cells, and lines of code, are no further apart
_BLOCK_STEP = 2.2  # times the size: lines of one block of MuPDF's
_LINE_STEP, _LEADING_STEP = 1.5, 1.1  # times the size, and the usual leading: lines of different blocks
_SHORT_TITLE = 0.3  # of the width of a region, left free after a title in italics
_HANGING = 0.3  # of the size: what stands further left than an item is not its text
_CENTRED, _SHIFTED = 0.6, 0.8  # of the size: lines with one middle, of which the beginnings differ
_INDENTED, _FAR_INDENTED = 0.8, 6  # times the size: how far first lines are indented
_LONE_BULLET = re.compile(rf"[{_BULLETS}\u2013\u2014*-]\s*$")
_KINDS = {roles.CAPTION: CAPTION, roles.FOOTNOTE: FOOTNOTE, roles.CONTENTS: CONTENTS}
_LINE_BY_LINE = frozenset({ROW, CODE, CONTENTS})
_IN_STEPS = frozenset({ROW, CODE})


class Paragraph:
    """Lines of a page that belong together.

    Attributes:
        kind: TEXT, ITEM, ROW (cells side by side), CODE, HEADING, TABLE, CAPTION, FOOTNOTE, CONTENTS or FORM.
        pieces: Its text, line by line, with the white space that follows; page number; line.
        size, style: Of its first line.
        is_aside: It runs another way than the text of the page: a stamp, the label of an axis.
        role: What tags or the layout model say it is for, see `roles.py`.
    """

    __slots__ = ("is_aside", "kind", "left", "pieces", "region_left", "role", "size", "style")

    def __init__(self, kind: str, page: int, line: Line, region: Region) -> None:
        self.kind = kind
        self.size = line.size
        self.style = line.style
        self.role = line.role
        self.left = line.x0
        self.region_left = region.left
        self.is_aside = region.is_aside
        self.pieces: list[tuple[str, int, Line]] = [(clean(line.text), page, line)]

    @property
    def text(self) -> str:
        """The whole text."""
        if len(self.pieces) == 1:
            return self.pieces[0][0].rstrip()
        return "".join([piece[0] for piece in self.pieces]).rstrip()

    def add(self, page: int, line: Line) -> None:
        """Append a line: a space between words, none between Chinese characters."""
        before, number, last = self.pieces[-1]
        text = clean(line.text)
        if self.kind in _LINE_BY_LINE:
            before += "\n"
        else:
            before = with_join(before, text)
        self.pieces[-1] = (before, number, last)
        self.pieces.append((text, page, line))


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
            kind = _kind(line)
            if current is not None and last is not None and _belongs(current, last, line, kind, region):
                if current.kind == TEXT and len(current.pieces) == 1 and _LONE_BULLET.match(last.text):
                    current.kind = ITEM
                current.add(page, line)
            else:
                current = Paragraph(kind, page, line, region)
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
    if line.role:
        if line.role in _KINDS:
            return _KINDS[line.role]
        if is_heading(line.role):
            return TEXT
    text = line.text
    if line.cells > 1 or "....." in text or ". . . ." in text:
        return ROW
    if line.style & MONO:
        return CODE
    return ITEM if _ITEM.match(text) and not _NUMBERED_CAPITALS.match(text) else TEXT


def _belongs(paragraph: Paragraph, last: Line, line: Line, kind: str, region: Region) -> bool:
    """True when `line`, which alone would be of a kind, goes on with the paragraph that ends in `last`."""
    if line.role != last.role:
        return False
    if line.role and (is_heading(line.role) or paragraph.kind in _KINDS.values()):
        return line.area == last.area
    if last.upright and line.upright:
        return _is_next(paragraph, last, line, kind, region)
    if last.vertical and line.vertical:
        return goes_on(last, line, region.lines)
    return last.upright == line.upright and last.block == line.block


def _is_next(paragraph: Paragraph, last: Line, line: Line, kind: str, region: Region) -> bool:
    step = line.base - last.base
    size = last.size if last.size > line.size else line.size
    if abs(step) < 0.5 * size:  # beside it: a marker and its text, a label and its value
        return line.x0 >= last.x1 - size or line.x1 <= last.x0 + size
    if kind == ITEM and _is_in_sentence(paragraph, last, line, region):
        kind = TEXT
    if paragraph.kind in _IN_STEPS or kind in _IN_STEPS:
        return paragraph.kind == kind and 0 < step < _ROW_STEP * size
    if kind == ITEM or step <= 0:
        return False
    # MuPDF's blocks end at wider gaps, or at every line where lines are far apart throughout
    is_one_block = line.block == last.block
    reach = _BLOCK_STEP * size if is_one_block else max(_LINE_STEP * size, _LEADING_STEP * region.leading)
    return (
        step <= reach and not _looks_apart(last, line, region) and _same_flow(paragraph, last, line, region)
    )


def _is_in_sentence(paragraph: Paragraph, last: Line, line: Line, region: Region) -> bool:
    """True when what looks like the marker of an item stands in the sentence of the line before."""
    if not _DOUBTFUL.match(line.text) or _is_short(last, region, _NEARLY_FULL):
        return False
    if ends_clause(last.text):
        return False
    if paragraph.kind == ITEM:  # its text hangs; what is further left is the next item
        return line.x0 > paragraph.left + _HANGING * line.size
    return abs(line.x0 - last.x0) < 0.5 * line.size or (len(paragraph.pieces) == 1 and line.x0 < last.x0)


def _is_short(line: Line, region: Region, share: float = _FULL) -> bool:
    return region.right - line.x1 > share * (region.right - region.left)


def _looks_apart(last: Line, line: Line, region: Region) -> bool:
    """True when the type says that a line begins something else: a heading, or the text under one."""
    changed = last.style ^ line.style
    if abs(last.size - line.size) > SAME_SIZE * max(last.size, line.size) or changed & BOLD:
        return True
    if line.style & BOLD and _SECTION.match(line.text):
        return True
    if not changed & ITALIC:
        return False
    return last.x1 < region.right - _SHORT_TITLE * (region.right - region.left)  # a title above its text


def _same_flow(paragraph: Paragraph, last: Line, line: Line, region: Region) -> bool:
    """True unless indentation or a short last line says that a new paragraph begins."""
    size = last.size if last.size > line.size else line.size
    indent = line.x0 - last.x0
    if paragraph.kind == ITEM:  # the text of an item hangs; what goes back to the margin is not its text
        return not (indent < -0.5 * size and line.x0 <= paragraph.left - _HANGING * size)
    short = _is_short(last, region)
    if short and ends_clause(last.text):
        return False
    if abs(last.x0 + last.x1 - line.x0 - line.x1) < _CENTRED * size and abs(indent) > _SHIFTED * size:
        return line.block == last.block or last.x0 - region.left > size  # centred
    if _INDENTED * size < indent < _FAR_INDENTED * size:
        return len(paragraph.pieces) == 1 and not short and line.block == last.block
    return True
