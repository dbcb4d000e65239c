"""Headers and footers: what is printed in the same place of nearly every page, and is no text of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from ingestkit_pdf.pdf.lines import Line

__all__ = ["Furniture", "find_furniture", "sample_pages"]

_NUMBER = re.compile(r"\d+|\b[ivxlc]+\b", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
_MIN_PAGES = 3  # with fewer nothing counts as header or footer
_MAX_LINES, _MAX_CHARS = 8, 200  # of a zone, from the edge of the page; of a line


def sample_pages(page_count: int, samples: int) -> list[int]:
    """Indices of the pages to compare: evenly spread, without the first where there are enough."""
    if page_count < _MIN_PAGES:
        return []
    pages = list(range(1, page_count)) if page_count > samples else list(range(page_count))
    if len(pages) <= samples:
        return pages
    step = (len(pages) - 1) / (samples - 1)
    return sorted({pages[round(index * step)] for index in range(samples)})


def _normal(text: str) -> str:
    return _SPACE.sub(" ", _NUMBER.sub("#", text)).strip().casefold()


class Furniture:
    """The headers and footers of one document."""

    __slots__ = ("_answers", "_bottom", "_threshold", "_top", "_zone")

    def __init__(self, top: list[str], bottom: list[str], zone: float, threshold: float) -> None:
        self._top = top
        self._bottom = bottom
        self._zone = zone
        self._threshold = threshold
        self._answers: dict[tuple[bool, str], bool] = {}

    def __bool__(self) -> bool:
        return bool(self._top or self._bottom)

    def without(self, lines: list[Line], height: int) -> list[Line]:
        """The lines of a page that are neither header nor footer. Nothing outside the zones is touched.

        A page with nothing else keeps its lines: they are all that it says.
        """
        top, bottom = height * self._zone, height * (1 - self._zone)
        kept = [
            line
            for line in lines
            if (top <= line.y1 and line.y0 <= bottom) or not self._matches(line.text, is_top=line.y1 < top)
        ]
        return kept or lines

    def _matches(self, text: str, *, is_top: bool) -> bool:
        normal = _normal(text)
        key = (is_top, normal)
        answer = self._answers.get(key)
        if answer is None:
            patterns = self._top if is_top else self._bottom
            answer = any(_alike(normal, pattern, self._threshold) for pattern in patterns)
            self._answers[key] = answer
        return answer


def _alike(a: str, b: str, threshold: float) -> bool:
    if a == b:
        return True
    a, b = a[:_MAX_CHARS], b[:_MAX_CHARS]
    if 2 * min(len(a), len(b)) < threshold * (len(a) + len(b)):  # the ratio cannot be higher
        return False
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    return matcher.quick_ratio() >= threshold and matcher.ratio() >= threshold


def find_furniture(samples: Sequence[tuple[list[Line], int]], *, zone: float, threshold: float) -> Furniture:
    """Compare the sample pages, given as (lines, height).

    A line is a header or footer when lines like it (numbers aside, similarity at least `threshold`) stand in
    the same zone of all sample pages but one.
    """
    top: list[list[str]] = []
    bottom: list[list[str]] = []
    for lines, height in samples:
        above = [line for line in lines if line.y1 < height * zone]
        below = [line for line in lines if line.y0 > height * (1 - zone)]
        above.sort(key=lambda line: line.y0)
        below.sort(key=lambda line: -line.y1)
        top.append([_normal(line.text) for line in above[:_MAX_LINES]])
        bottom.append([_normal(line.text) for line in below[:_MAX_LINES]])
    return Furniture(_repeated(top, threshold), _repeated(bottom, threshold), zone, threshold)


def _repeated(pages: list[list[str]], threshold: float) -> list[str]:
    needed = max(len(pages) - 1, 2)
    if len(pages) < _MIN_PAGES:
        return []
    found: list[str] = []
    for text in dict.fromkeys(text for page in pages for text in page):
        if not text or text in found:
            continue
        hits = sum(1 for page in pages if any(_alike(text, other, threshold) for other in page))
        if hits >= needed:
            found.append(text)
    return found
