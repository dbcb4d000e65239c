"""Which paragraphs are headings, and of which level: by the outline where there is one, else by their look.

A heading is set apart: it is larger than the body or bold, or numbered, or all capitals; it is short, has
its line to itself, and text follows it. What only some paragraphs of a look fulfil is no heading: labels of
forms, names under a title and emphasised lines look the same once, but not all through a document.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ingestkit_pdf.models import OutlineEntry
from ingestkit_pdf.pdf.lines import BOLD, ITALIC
from ingestkit_pdf.pdf.outline import mark_by_outline
from ingestkit_pdf.pdf.paragraphs import HEADING, ITEM, TEXT, Paragraph
from ingestkit_pdf.pdf.roles import heading_level, is_heading

__all__ = ["body_size", "mark_headings"]

_MAX_LINES, _MAX_CHARS = 4, 200  # of a heading
_SHORT_LINES, _SHORT_CHARS = 2, 120  # of a heading that is hardly larger than the body
_LEVELS = 3  # that are told by size
_SMALLEST = 0.95  # of the body's size
_SLIGHTLY = 1.04  # times the body's size: larger on purpose
_EMPHASIS = 0.8  # of the letters; the number or the full stop may be of another font
_LOOK_SHARE = 0.5  # of the paragraphs of a look that must be able to head
_PROSE_WIDTH = 25  # times its size: a line of text is wider
_NEARLY = 0.99  # sizes are rounded
_LEADERS = "\u2026"
_NUMBER = re.compile(
    r"(?:(?:chapter|section|part|appendix|annex|chapitre|kapitel|cap\u00edtulo|capitolo|\u7b2c)\s*)?"
    r"(?:(\d{1,2}(?:\.\d{1,2}){0,4})[.)]?|([IVX]{1,5}|[A-Z])[.)]|\((\d{1,2}|[a-zA-Z])\)|\u00a7+\s*\d+)"
    r"(?:\s|(?<=[.)\uff0e\u3001]))\s*(?=\S)",
    re.IGNORECASE,
)
_LABEL = re.compile(r"(?:fig(?:ure|\.)|table|tab\.|listing|example|note|warning|tip)\b", re.IGNORECASE)
_ADDRESS = re.compile(r"@\w|https?:|www\.|\w\.(?:com|org|net|edu)\b|arXiv:", re.IGNORECASE)
_LETTER = re.compile(r"[^\W\d_]")
_SENTENCE_END = (".", "!", "?", "\u3002")


_Look = tuple[int, int, str]
"""Size in half points, BOLD or ITALIC or neither, font."""


@dataclass(slots=True)
class _Candidate:
    """A paragraph that may be a heading.

    Attributes:
        look: What paragraphs of its kind have in common.
        depth: How many numbers its number has; 0 without one.
    """

    paragraph: Paragraph
    look: _Look
    is_large: bool
    depth: int


def body_size(sizes: dict[int, int]) -> int:
    """The font size most of the text is set in, in hundredths of a point; 0 without text."""
    merged: Counter[int] = Counter()
    for size, count in sizes.items():
        merged[round(size / 25)] += count
    step = max(merged, key=lambda key: (merged[key], -key), default=0)
    near = {size: count for size, count in sizes.items() if round(size / 25) == step}
    return max(near, key=lambda key: (near[key], -key), default=0)


def mark_headings(
    paragraphs: Sequence[Paragraph], outline: Sequence[OutlineEntry], sizes: dict[int, int], ratio: float
) -> None:
    """Turn the paragraphs that are headings into headings, in place.

    Args:
        paragraphs: Of the whole document, in order.
        outline: The document's outline.
        sizes: Letters set in each font size.
        ratio: A heading is at least so many times as large as the body, unless more than its size says so.
    """
    if outline and mark_by_outline(paragraphs, outline):
        return
    body = body_size(sizes)
    told = [_told(paragraph, body, ratio) for paragraph in paragraphs if is_heading(paragraph.role)]
    pages = {mark.paragraph.page for mark in told} if told else set()
    known = {paragraph.page for paragraph in paragraphs if paragraph.role} if pages else pages
    _set_levels([*told, *_candidates([p for p in paragraphs if p.page not in known], body, ratio)])


def _told(paragraph: Paragraph, body: int, ratio: float) -> _Candidate:
    """A paragraph that is a heading by its tag, or by the layout model."""
    return _Candidate(
        paragraph, _look(paragraph), paragraph.size >= _NEARLY * ratio * body, _depth(paragraph.text)
    )


def _depth(text: str) -> int:
    """How many numbers the number of a heading has; 0 without one."""
    number = _NUMBER.match(text)
    if not number:
        return 0
    return number.group(1).count(".") + 1 if number.group(1) else 1


def _candidates(paragraphs: Sequence[Paragraph], body: int, ratio: float) -> list[_Candidate]:
    """The paragraphs that are headings by their look, and by what comes after them."""
    looks: Counter[_Look] = Counter()
    marks: list[_Candidate | None] = []
    bold_chars = chars = 0
    for paragraph in paragraphs:
        mark = None
        if paragraph.kind in {TEXT, ITEM} and paragraph.size >= _SMALLEST * body:
            look = _look(paragraph)
            looks[look] += 1
            length = len(paragraph.pieces)
            chars += length
            bold_chars += length * (look[1] == BOLD)
            mark = _candidate(paragraph, look, body, ratio)
        marks.append(mark)
    if bold_chars > 0.5 * chars:
        marks = [mark if mark is not None and mark.is_large else None for mark in marks]
    for index in range(len(marks) - 1, -1, -1):
        mark = marks[index]
        if mark is not None and not _heads(mark, paragraphs, marks, index):
            marks[index] = None
    able = Counter(mark.look for mark in marks if mark is not None)
    return [
        mark
        for mark in marks
        if mark is not None and (mark.is_large or able[mark.look] >= _LOOK_SHARE * looks[mark.look])
    ]


def _look(paragraph: Paragraph) -> _Look:
    line = paragraph.pieces[0][2]
    name = line.spans[-1][2] if line.spans else ""
    return round(paragraph.size / 50), _emphasis(paragraph), name


def _emphasis(paragraph: Paragraph) -> int:
    """BOLD, ITALIC, or 0: what most of its letters are set in."""
    if len(paragraph.pieces) > _MAX_LINES:
        return paragraph.style & BOLD
    bold = italic = total = 0
    for _, _, line in paragraph.pieces:
        for text, style, *_ in line.spans:
            total += len(text)
            bold += len(text) if style & BOLD else 0
            italic += len(text) if style & ITALIC else 0
    if bold >= _EMPHASIS * total > 0:
        return BOLD
    return ITALIC if italic >= _EMPHASIS * total > 0 else 0


def _candidate(paragraph: Paragraph, look: _Look, body: int, ratio: float) -> _Candidate | None:
    text = paragraph.text if len(paragraph.pieces) <= _MAX_LINES else ""
    if not _may_head(text):
        return None
    depth = _depth(text)
    is_large = paragraph.size >= _NEARLY * ratio * body
    if not is_large:
        is_short = len(paragraph.pieces) <= _SHORT_LINES and len(text) <= _SHORT_CHARS
        numbered = depth and (paragraph.size >= _SLIGHTLY * body or not _has_lower(text))
        is_apart = numbered or (look[1] and (depth or paragraph.kind != ITEM))
        if not (is_short and is_apart) or text.endswith(":") or (text.endswith(_SENTENCE_END) and not depth):
            return None
    return _Candidate(paragraph, look, is_large, depth)


def _may_head(text: str) -> bool:
    return (
        1 < len(text) <= _MAX_CHARS
        and bool(_LETTER.search(text))
        and not text.endswith((",", ";"))
        and _LEADERS not in text
        and not _ADDRESS.search(text)
        and not _LABEL.match(text)
    )


def _has_lower(text: str) -> bool:
    return text.upper() != text


def _heads(
    mark: _Candidate, paragraphs: Sequence[Paragraph], marks: Sequence[_Candidate | None], index: int
) -> bool:
    """True when something follows that it can be the heading of."""
    if index + 1 == len(paragraphs):
        return False
    following = paragraphs[index + 1]
    if following.kind not in {TEXT, ITEM}:
        return True
    under = marks[index + 1]
    if under is not None and under.look == mark.look:  # a deeper one, or several lines that look the same
        return under.depth != mark.depth or (mark.depth > 0) or (mark.is_large and mark.look[1] == BOLD)
    if under is not None or mark.is_large or mark.depth or following.kind == ITEM:
        return True
    line = following.pieces[0][2]
    return len(following.pieces) > 1 or line.x1 - line.x0 >= _PROSE_WIDTH * line.size


def _set_levels(candidates: Sequence[_Candidate]) -> None:
    """Levels by the tags, else by size, by the depth of the number among those of the smallest sizes."""
    told = {id(mark): heading_level(mark.paragraph.role) for mark in candidates}
    steps = sorted(
        {mark.look[0] for mark in candidates if mark.is_large and not told[id(mark)]}, reverse=True
    )
    levels = {step: level for level, step in enumerate(steps[:_LEVELS], start=1)}
    for mark in candidates:
        level = told[id(mark)]
        if not level and mark.is_large:
            level = levels.get(mark.look[0], _LEVELS)
        elif not level:
            level = min(max(mark.depth, 1) + bool(steps), _LEVELS)
        mark.paragraph.kind, mark.paragraph.level = HEADING, level
