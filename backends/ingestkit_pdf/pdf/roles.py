"""What lines are for, where something says so: here the layout model, in `tags.py` the tags of a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ingestkit_pdf.pdf.lines import BOLD, Line
from ingestkit_pdf.pdf.mupdf import SCALE, PageContent
from ingestkit_pdf.pdf.text import ends_clause

__all__ = [
    "BODY",
    "CAPTION",
    "CONTENTS",
    "FOOTNOTE",
    "FURNITURE",
    "HEADING",
    "TITLE",
    "ask_model",
    "heading_level",
    "is_heading",
]

BODY, TITLE, HEADING, CAPTION, CONTENTS, FOOTNOTE, FURNITURE = (
    "body",
    "title",
    "heading",
    "caption",
    "contents",
    "footnote",
    "furniture",
)
"""A heading of a level that is known has the level behind it: `heading2`."""

_Area = tuple[float, float, float, float, str]
"""x0, y0, x1, y1 in points, and the kind by the layout model."""

_ROLES = {
    "title": TITLE,
    "section-header": HEADING,
    "caption": CAPTION,
    "footnote": FOOTNOTE,
    "page-header": FURNITURE,
    "page-footer": FURNITURE,
}
_FEW_LINES = 2  # of a block: more are a paragraph
_SHORT = 0.6  # of the width of the text
_LARGE = 1.15  # times the page's most common size
_SOME_UNCLEAR, _MANY_MARKED = 4, 7  # short lines for the model to be asked
_SLACK = 1.0  # points by which lines may stick out of their area


def is_heading(role: str) -> bool:
    """True for headings and titles."""
    return role.startswith((HEADING, TITLE))


def heading_level(role: str) -> int:
    """The level that a heading's role gives; 0 where it gives none."""
    return int(role[len(HEADING) :] or 0) if role.startswith(HEADING) else int(role == TITLE)


def ask_model(content: PageContent, lines: Sequence[Line]) -> None:
    """Let the layout model say what lines are for, unless tags or their look do, or it was asked anyway."""
    if any(is_heading(line.role) for line in lines):
        return
    if content.areas is not None or _is_unclear(lines):
        _mark_areas(lines, content.layout_boxes())


def _mark_areas(lines: Sequence[Line], areas: Sequence[_Area]) -> None:
    """Give each line the role of the smallest area that its middle lies in."""
    boxes = sorted(
        (
            ((x1 - x0) * (y1 - y0), x0 - _SLACK, y0 - _SLACK, x1 + _SLACK, y1 + _SLACK, number, kind)
            for number, (x0, y0, x1, y1, kind) in enumerate(areas, start=1)
        ),
    )
    for line in lines:
        x, y = (line.x0 + line.x1) / 2 / SCALE, (line.y0 + line.y1) / 2 / SCALE
        for _, x0, y0, x1, y1, number, kind in boxes:
            if x0 <= x <= x1 and y0 <= y <= y1:
                line.role, line.area = _ROLES.get(kind, BODY), number
                break


def _is_unclear(lines: Sequence[Line]) -> bool:
    """True when the look of a page's lines leaves open what they are for, so that the layout model is asked.

    Unclear are short lines apart from others that are neither large nor bold, nor sentences; and many that
    are large or bold: covers, slides, forms.
    """
    sizes: Counter[int] = Counter()
    members: Counter[int] = Counter()
    for line in lines:
        sizes[line.size] += len(line.text)
        members[line.block] += 1
    if not sizes:
        return False
    body = max(sizes, key=lambda size: (sizes[size], -size))
    width = max(line.x1 for line in lines) - min(line.x0 for line in lines)
    unclear = marked = 0
    for line in lines:
        if members[line.block] > _FEW_LINES or line.cells > 1 or line.x1 - line.x0 > _SHORT * width:
            continue
        if line.size >= _LARGE * body or line.style & BOLD:
            marked += 1
        elif line.upright and not ends_clause(line.text):
            unclear += 1
    return unclear >= _SOME_UNCLEAR or marked >= _MANY_MARKED
