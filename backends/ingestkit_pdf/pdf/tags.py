"""Tagged documents: their own structure of a page, used where it makes sense.

Tags say in which order the text is read and what it is: headings with their level, captions, notes, contents.
Many programs write them; not all of them well. So they count on a page only when they hold nearly all of its
text, follow one another down the page, and do not call half of it a heading. And because reading them takes
as long as reading the page, they are read only in documents whose structure names headings: the others say
hardly more than which lines are a paragraph.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from ingestkit_pdf.pdf.blocks import Block, Element
from ingestkit_pdf.pdf.mupdf import Document, PageContent, ParserError, guarded
from ingestkit_pdf.pdf.mupdf import mupdf as _m
from ingestkit_pdf.pdf.roles import BODY, CAPTION, CONTENTS, FOOTNOTE, HEADING, TITLE, is_heading

__all__ = ["names_headings", "page_blocks"]

_ROLES = {
    "Title": TITLE,
    "H": HEADING,
    **{f"H{level}": f"{HEADING}{level}" for level in range(1, 7)},
    "Caption": CAPTION,
    "Note": FOOTNOTE,
    "FENote": FOOTNOTE,
    "TOC": CONTENTS,
    "TOCI": CONTENTS,
}
_HEADINGS = {name for name, role in _ROLES.items() if is_heading(role)}
_FIRST_ELEMENTS = 4000  # that are looked at: 10 ms
_ROLE_STEPS = 4  # from a type of its own to a standard one
_get = _m.ll_pdf_dict_gets
_UNITS = {*_ROLES, "P", "LI", "TR", "BlockQuote", "Code", "Formula", "Figure", "BibEntry"}
"""Elements whose text belongs together: one line of theirs never is two."""

_MIN_INSIDE = 0.7  # of the text, in elements
_MAX_HEADINGS = 0.4  # of the text
_FEW_CHARS = 300  # a page of a title and little more
_STEP = 2400  # hundredths of a point: two lines
_FEW_STEPS, _STEP_SHARE = 3, 0.08  # upwards, from one element to the next: columns, notes


def names_headings(document: Document) -> bool:
    """True when the document is tagged, and headings are among the first elements of its structure."""
    if not document.is_tagged:
        return False
    try:
        with guarded():
            root = _get(_get(_m.ll_pdf_trailer(document.pdf.m_internal), "Root"), "StructTreeRoot")
            roles = _get(root, "RoleMap")
            waiting = [_get(root, "K")]
            for _ in range(_FIRST_ELEMENTS):
                if not waiting:
                    break
                node = waiting.pop()
                if _m.ll_pdf_is_array(node):
                    count = min(_m.ll_pdf_array_len(node), _FIRST_ELEMENTS)
                    waiting += [_m.ll_pdf_array_get(node, index) for index in reversed(range(count))]
                elif _m.ll_pdf_is_dict(node):
                    if _standard_type(node, roles) in _HEADINGS:
                        return True
                    waiting.append(_get(node, "K"))
    except ParserError:
        pass
    return False


def _standard_type(node: Any, roles: Any) -> str:
    name = str(_m.ll_pdf_to_name(_get(node, "S")))
    for _ in range(_ROLE_STEPS):
        if name in _ROLES or not roles:
            break
        mapped = _get(roles, name) if name else None
        if not mapped:
            break
        name = str(_m.ll_pdf_to_name(mapped))
    return name


def page_blocks(content: PageContent) -> Sequence[Block]:
    """The blocks of a page in a tagged document: in the order of its tags, with roles, if they are sane."""
    try:
        tagged = _sane_order(content.elements())
    except (
        ParserError,
        RecursionError,
    ):  # broken, or nested some 500 deep
        tagged = None
    if tagged is None:
        return content.blocks
    return [*tagged, *(block for block in content.blocks if block.type == "image")]


def _sane_order(elements: Sequence[Element]) -> list[Element] | None:
    """The text of a page in the order of its tags, with roles and areas; None where they make no sense.

    Text outside of all elements (running headers and the like, untagged text) comes before or after the rest.
    """
    walk = _Walk()
    walk.take(elements, "", 0)
    inside = sum(_length(block) for block in walk.inside)
    outside = sum(_length(block) for block in walk.outside)
    headings = sum(_length(block) for block in walk.inside if block.role.startswith((HEADING, TITLE)))
    if not inside or inside < _MIN_INSIDE * (inside + outside):
        return None
    if headings > _MAX_HEADINGS * inside and inside > _FEW_CHARS:
        return None
    tops = [block.lines[0].y for block in walk.inside]
    ups = sum(1 for last, top in pairwise(tops) if top < last - _STEP)
    if ups > max(_FEW_STEPS, _STEP_SHARE * len(tops)):
        return None
    before = [block for block in walk.outside if block.lines[0].y < tops[0]]
    after = [block for block in walk.outside if block.lines[0].y >= tops[0]]
    return [*before, *walk.inside, *after]


class _Walk:
    """Goes through the elements of a page and joins the text of each unit to one block."""

    def __init__(self) -> None:
        self.inside: list[Element] = []
        self.outside: list[Element] = []
        self._areas = 0

    def take(self, elements: Iterable[Element], role: str, area: int) -> None:
        for element in elements:
            if element.type == "structure":
                inner, number = role, area
                if element.std in _UNITS:
                    self._areas += 1
                    inner, number = _ROLES.get(element.std, role or BODY), self._areas
                self.take(element.contents, inner, number or -1)
            elif element.lines:
                self._add(element, role, area)

    def _add(self, block: Element, role: str, area: int) -> None:
        if not area:
            if _length(block):
                self.outside.append(block)
        elif area > 0 and self.inside and self.inside[-1].area == area:
            self.inside[-1].lines.extend(block.lines)
        elif _length(block):
            block.role, block.area = role, max(area, 0)
            self.inside.append(block)


def _length(block: Block) -> int:
    return sum(len(run.text.strip()) for run in block.lines)
