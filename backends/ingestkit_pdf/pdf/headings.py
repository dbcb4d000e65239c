"""Which passages are headings, and of which level: by the outline where there is one, else by their look.

A heading is set apart: it is larger than the body or bold, or numbered, or all capitals; it is short, has
its line to itself, and text follows it. What only some passages of a look fulfil is no heading: labels of
forms, names under a title and emphasised lines look the same once, but not all through a document.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ingestkit_pdf.models import OutlineEntry
from ingestkit_pdf.pdf.lines import BOLD
from ingestkit_pdf.pdf.outline import mark_by_outline
from ingestkit_pdf.pdf.paragraphs import ITEM, TEXT
from ingestkit_pdf.pdf.passages import LOOK_LINES, Passage
from ingestkit_pdf.pdf.roles import heading_level, is_heading
from ingestkit_pdf.pdf.text import ends_sentence

__all__ = ["body_size", "mark_headings"]

_MAX_CHARS = 200  # of a heading
_SHORT_LINES, _SHORT_CHARS = 2, 120  # of a heading that is hardly larger than the body
_LEVELS = 3  # that are told by size
_SMALLEST = 0.95  # of the body's size
_SLIGHTLY = 1.04  # times the body's size: larger on purpose
_LOOK_SHARE = 0.5  # of the passages of a look that must be able to head
_PROSE_WIDTH = 25  # times its size: a line of text is wider
_NEARLY = 0.99  # sizes are rounded
_LEADERS = "\u2026"
_NUMBER = re.compile(
    r"(?:(?:chapter|section|part|appendix|annex|chapitre|kapitel|cap\u00edtulo|capitolo|\u7b2c)\s*)?"
    r"(?:(\d{1,2}(?:\.\d{1,2}){0,4})[.)]?|([IVX]{1,5}|[A-Z])[.)]|\((\d{1,2}|[a-zA-Z])\)|\u00a7+\s*\d+)"
    r"(?:\s|(?<=[.)\uff0e\u3001]))\s*(?=\S)",
    re.IGNORECASE,
)
_HAN_NUMBER = re.compile("[\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d\u5341]{1,3}\u3001")
_LABEL = re.compile(r"(?:fig(?:ure|\.)|table|tab\.|listing|example|note|warning|tip)\b", re.IGNORECASE)
_ADDRESS = re.compile(r"@\w|https?:|www\.|\w\.(?:com|org|net|edu)\b|arXiv:", re.IGNORECASE)
_LETTER = re.compile(r"[^\W\d_]")


_Look = tuple[int, int, str]
"""Size in half points, BOLD or ITALIC or neither, font."""


@dataclass(slots=True)
class _Candidate:
    """A passage that may be a heading.

    Attributes:
        look: What passages of its kind have in common.
        depth: How many numbers its number has; 0 without one.
    """

    passage: Passage
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
    passages: Sequence[Passage], outline: Sequence[OutlineEntry], sizes: dict[int, int], ratio: float
) -> None:
    """Turn the passages that are headings into headings, in place.

    Args:
        passages: Of the whole document, in order.
        outline: The document's outline.
        sizes: Letters set in each font size.
        ratio: A heading is at least so many times as large as the body, unless more than its size says so.
    """
    if outline and mark_by_outline(passages, outline):
        return
    body = body_size(sizes)
    told = [_told(one, body, ratio) for one in passages if one.role and is_heading(one.role)]
    if told:
        known = {passage.page for passage in passages if passage.role}
        passages = [passage for passage in passages if passage.page not in known]
    _set_levels([*told, *_candidates(passages, body, ratio)])


def _told(passage: Passage, body: int, ratio: float) -> _Candidate:
    """A passage that is a heading by its tag, or by the layout model."""
    return _Candidate(passage, _look(passage), passage.size >= _NEARLY * ratio * body, _depth(passage.text))


def _depth(text: str) -> int:
    """How many numbers the number of a heading has; 0 without one."""
    number = _NUMBER.match(text)
    if not number:
        return 0
    return number.group(1).count(".") + 1 if number.group(1) else 1


def _candidates(passages: Sequence[Passage], body: int, ratio: float) -> list[_Candidate]:
    """The passages that are headings by their look, and by what comes after them."""
    looks: Counter[_Look] = Counter()
    marks: list[_Candidate | None] = []
    bold_chars = chars = 0
    for passage in passages:
        mark = None
        if passage.kind in {TEXT, ITEM} and passage.size >= _SMALLEST * body and not passage.is_aside:
            look = _look(passage)
            looks[look] += 1
            length = len(passage.pieces)
            chars += length
            bold_chars += length * (look[1] == BOLD)
            mark = _candidate(passage, look, body, ratio)
        marks.append(mark)
    if bold_chars > 0.5 * chars:
        marks = [mark if mark is not None and mark.is_large else None for mark in marks]
    for index in range(len(marks) - 1, -1, -1):
        mark = marks[index]
        if mark is not None and not _heads(mark, passages, marks, index):
            marks[index] = None
    able = Counter(mark.look for mark in marks if mark is not None)
    return [
        mark
        for mark in marks
        if mark is not None and (mark.is_large or able[mark.look] >= _LOOK_SHARE * looks[mark.look])
    ]


def _look(passage: Passage) -> _Look:
    return round(passage.size / 50), passage.emphasis, passage.font


def _candidate(passage: Passage, look: _Look, body: int, ratio: float) -> _Candidate | None:
    is_large = passage.size >= _NEARLY * ratio * body
    if len(passage.pieces) > (LOOK_LINES if is_large else _SHORT_LINES):
        return None
    text = passage.text
    if not is_large and len(text) > _SHORT_CHARS:
        return None
    depth = _depth(text)
    if not is_large:
        numbered = depth and (passage.size >= _SLIGHTLY * body or not _has_lower(text))
        is_apart = numbered or (look[1] and (depth or passage.kind != ITEM or _HAN_NUMBER.match(text)))
        if not is_apart or text.endswith(":") or (ends_sentence(text) and not depth):
            return None
    return _Candidate(passage, look, is_large, depth) if _may_head(text) else None


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
    mark: _Candidate, passages: Sequence[Passage], marks: Sequence[_Candidate | None], index: int
) -> bool:
    """True when something follows that it can be the heading of."""
    if index + 1 == len(passages):
        return False
    following = passages[index + 1]
    if following.kind not in {TEXT, ITEM}:
        return True
    under = marks[index + 1]
    if under is not None and under.look == mark.look:  # a deeper one, or several lines that look the same
        return under.depth != mark.depth or (mark.depth > 0) or (mark.is_large and mark.look[1] == BOLD)
    if under is not None or mark.is_large or mark.depth or following.kind == ITEM:
        return True
    x0, _, x1, _ = following.pieces[0][2]
    return len(following.pieces) > 1 or x1 - x0 >= _PROSE_WIDTH * following.size


def _set_levels(candidates: Sequence[_Candidate]) -> None:
    """Levels by the tags, else by size, by the depth of the number among those of the smallest sizes."""
    told = {id(mark): heading_level(mark.passage.role) for mark in candidates}
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
        mark.passage.make_heading(level)
