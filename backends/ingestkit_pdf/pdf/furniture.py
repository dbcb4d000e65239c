"""Headers and footers: what is printed in the same place of nearly every page, and is no text of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache, partial

from ingestkit_pdf.pdf.lines import Line

__all__ = ["Furniture", "Sample", "find_furniture", "sample_pages", "with_neighbours"]

_NUMBER = re.compile(r"\d+|\b[ivxlc]+\b", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
_MIN_PAGES = 3  # with fewer nothing counts as header or footer
_MIN_SIDE = 3  # left or right pages that a header has to be on, if it is on these only
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


def with_neighbours(pages: list[int], page_count: int) -> list[int]:
    """The pages, each with the one after or before it: as many left ones as right ones of a book."""
    last = page_count - 1
    return sorted({*pages, *(page + 1 if page < last else page - 1 for page in pages)})


@dataclass(frozen=True, slots=True)
class Sample:
    """A page to compare.

    Attributes:
        number: Of the page, from 1; `height` of it as well.
        lines: All that are on it.
        is_neighbour: It is compared with others on its side of a book only.
    """

    number: int
    lines: list[Line]
    height: int
    is_neighbour: bool = False


_Zones = tuple[list[str], list[str]]
"""Texts at the top and at the bottom of a page; patterns of headers and footers."""

_Alike = Callable[[str, str], bool]


def _normal(text: str) -> str:
    return _SPACE.sub(" ", _NUMBER.sub("#", text)).strip().casefold()


class Furniture:
    """The headers and footers of one document.

    Args:
        sides: Those of even pages, and those of odd ones.
        zone: Top and bottom share of a page in which they stand.
        threshold: How alike lines must be to be one.
    """

    __slots__ = ("_answers", "_sides", "_threshold", "_zone")

    def __init__(self, sides: tuple[_Zones, _Zones], zone: float, threshold: float) -> None:
        self._sides = sides
        self._zone = zone
        self._threshold = threshold
        self._answers: dict[tuple[int, bool, str], bool] = {}

    def __bool__(self) -> bool:
        return any(patterns for zones in self._sides for patterns in zones)

    def without(self, lines: list[Line], height: int, number: int) -> list[Line]:
        """The lines of a page that are neither header nor footer. Nothing outside the zones is touched.

        A page with nothing else keeps its lines: they are all that it says.
        """
        top, bottom = height * self._zone, height * (1 - self._zone)
        side = number % 2
        kept = [
            line
            for line in lines
            if (top <= line.y1 and line.y0 <= bottom)
            or not self._matches(line.text, side, is_top=line.y1 < top)
        ]
        return kept or lines

    def _matches(self, text: str, side: int, *, is_top: bool) -> bool:
        normal = _normal(text)
        key = (side, is_top, normal)
        answer = self._answers.get(key)
        if answer is None:
            patterns = self._sides[side][not is_top]
            answer = any(_alike(normal, pattern, self._threshold) for pattern in patterns)
            self._answers[key] = answer
        return answer


def _alike(a: str, b: str, threshold: float) -> bool:
    if a == b:
        return True
    a, b = a[:_MAX_CHARS], b[:_MAX_CHARS]
    if 2 * min(len(a), len(b)) < threshold * (len(a) + len(b)):  # the ratio cannot be higher
        return False
    shared = sum([min(a.count(letter), b.count(letter)) for letter in set(a)])  # wherever they stand
    if 2.0 * shared / (len(a) + len(b)) < threshold:
        return False
    return SequenceMatcher(None, a, b, autojunk=False).ratio() >= threshold


def find_furniture(samples: Sequence[Sample], *, zone: float, threshold: float) -> Furniture:
    """Compare the sample pages.

    A line is a header or footer when lines like it (numbers aside, similarity at least `threshold`) stand in
    the same zone of all sample pages but one, or of all but one of those on the same side of a book.
    """
    zones = [(sample, _zones(sample, zone)) for sample in samples]
    alike = cache(partial(_alike, threshold=threshold))  # each is held against the same ones, page by page
    common = _common([texts for sample, texts in zones if not sample.is_neighbour], alike)
    even, odd = ([texts for sample, texts in zones if sample.number % 2 == side] for side in (0, 1))
    sides = _on_side(even, odd, common, alike), _on_side(odd, even, common, alike)
    return Furniture(sides, zone, threshold)


def _zones(sample: Sample, zone: float) -> _Zones:
    above = [line for line in sample.lines if line.y1 < sample.height * zone]
    below = [line for line in sample.lines if line.y0 > sample.height * (1 - zone)]
    above.sort(key=lambda line: line.y0)
    below.sort(key=lambda line: -line.y1)
    return [_normal(line.text) for line in above[:_MAX_LINES]], [
        _normal(line.text) for line in below[:_MAX_LINES]
    ]


def _common(pages: Sequence[_Zones], alike: _Alike) -> _Zones:
    """What is on all pages but one."""
    top, bottom = (
        _repeated([page[place] for page in pages], alike, len(pages) - 1) if len(pages) >= _MIN_PAGES else []
        for place in (0, 1)
    )
    return top, bottom


def _on_side(pages: Sequence[_Zones], others: Sequence[_Zones], common: _Zones, alike: _Alike) -> _Zones:
    """What is common, and what all pages of one side but one have; not what is on the other side, too."""
    if len(pages) < _MIN_SIDE:
        return common
    needed = max(len(pages) - 1, _MIN_SIDE)
    top, bottom = (
        [
            *common[place],
            *(
                text
                for text in _repeated([page[place] for page in pages], alike, needed, common[place])
                if not _is_on(text, [page[place] for page in others], alike, 2)
            ),
        ]
        for place in (0, 1)
    )
    return top, bottom


def _repeated(
    pages: list[list[str]], alike: _Alike, needed: int, known: Sequence[str] | None = None
) -> list[str]:
    """The texts that are on so many pages; others than those known are looked for on the first ones only."""
    first = pages if known is None else pages[: len(pages) - needed + 1]  # on all but one: on one of two
    texts = dict.fromkeys(text for page in first for text in page if text and text not in (known or ()))
    return [text for text in texts if _is_on(text, pages, alike, needed)]


def _is_on(text: str, pages: Sequence[Sequence[str]], alike: _Alike, needed: int) -> bool:
    """True when a text like this is on so many of the pages."""
    misses = len(pages) - needed
    for page in pages:
        if not any(alike(text, other) for other in page):
            misses -= 1
            if misses < 0:
                return False
    return True
