"""Words to lines of text and to the columns that the lines of a table have in common."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from math import inf
from statistics import median

from ingestkit_pdf.pdf.lines import is_right_to_left
from ingestkit_pdf.pdf.tables.model import Word

__all__ = ["TextLine", "cell_text", "column_bounds", "joined", "text_lines"]

_SAME_LINE = 0.4  # of the height of two words: their middles are no further apart
_CELL_GAP = 0.75  # of a word's height (its box is some 1.2 em high): wider than any space in justified text
Run = tuple[float, float, int]
"""x0, x1 and the index of the line."""

_CROSSED = 0.2  # of the lines may cross a gap between columns: headings over several
_NARROW = ((2, 0.9), (4, 0.6))  # up to so many lines: times their height that a gap between columns has
_NARROWEST = 0.36  # the same of more lines
_CROSSED_GAP = 0.6  # times the height of lines: a gap that some cross is no narrower
_SPACE = 0.25  # of the font size: a usual space
_WORD_GAP = 0.36  # spaces are narrower


class TextLine:
    """Words on one line, from left to right.

    Attributes:
        x0, y0, x1, y1: Its box.
        height: Of the word in its middle.
        words: In order.
        segments: Runs of words without a gap as wide as between cells.
    """

    __slots__ = ("_segments", "height", "words", "x0", "x1", "y0", "y1")

    def __init__(self, words: list[Word]) -> None:
        self.words = words
        self.x0: float
        self.y0: float
        self.x1: float
        self.y1: float
        if len(words) == 1:
            self.x0, self.y0, self.x1, self.y1, _, _ = words[0]
        else:
            words.sort()
            lefts, tops, rights, bottoms, _, _ = zip(*words, strict=True)
            self.x0, self.y0, self.x1, self.y1 = lefts[0], min(tops), max(rights), max(bottoms)
        middle = words[len(words) // 2]
        self.height = middle[3] - middle[1]
        self._segments: list[list[Word]] | None = None

    @property
    def segments(self) -> list[list[Word]]:
        """The words, cut at gaps."""
        if self._segments is None:
            self._segments = self.runs(_CELL_GAP)
        return self._segments

    @property
    def middle(self) -> float:
        """y of its middle."""
        return (self.y0 + self.y1) / 2

    @property
    def text(self) -> str:
        """The words with spaces between, in the order they are read."""
        return joined(self.words)

    def runs(self, gap: float) -> list[list[Word]]:
        """The words, cut where the white between two is wider than `gap` times the height."""
        limit = gap * self.height
        run = [self.words[0]]
        runs = [run]
        right = run[0][2]
        for word in self.words[1:]:
            if word[0] - right > limit:
                run = [word]
                runs.append(run)
            else:
                run.append(word)
            if word[2] > right:  # noqa: PLR1730 - hot
                right = word[2]
        return runs


def joined(words: Sequence[Word]) -> str:
    """Words of one line with spaces between; a line of Hebrew or Arabic is read from the right.

    Latin words and numbers side by side keep their order in it.
    """
    text = " ".join([word.text for word in words])
    if len(words) == 1 or not is_right_to_left(text):
        return text
    ordered: list[str] = []
    run = 0
    for word in reversed(words):
        if is_right_to_left(word.text):
            run = 0
            ordered.append(word.text)
        else:
            ordered.insert(len(ordered) - run, word.text)
            run += 1
    return " ".join(ordered)


def cell_text(words: list[Word]) -> str:
    """The text of a cell, line by line from the top."""
    if len(words) == 1:
        return words[0].text
    words.sort(key=_twice_middle)
    lines: list[list[Word]] = [[words[0]]]
    for word in words[1:]:
        first = lines[-1][0]
        apart = word[1] + word[3] - first[1] - first[3]
        if apart <= _SAME_LINE * (word[3] - word[1] + first[3] - first[1]):
            lines[-1].append(word)
        else:
            lines.append([word])
    return " ".join([joined(sorted(line)) if len(line) > 1 else line[0].text for line in lines])


def text_lines(words: Sequence[Word]) -> list[TextLine]:
    """Group words whose middles are at about the same height, from top to bottom."""
    groups: list[list[Word]] = []
    middle, height, members = -inf, 0.0, list[Word]()
    for word in sorted(words, key=_twice_middle):
        _, top, _, bottom, _, _ = word
        if top + bottom - middle <= _SAME_LINE * (bottom - top + height):
            members.append(word)
        else:
            middle, height, members = top + bottom, bottom - top, [word]
            groups.append(members)
    return [TextLine(group) for group in groups]


def _twice_middle(word: Word) -> float:
    return word[1] + word[3]


def column_bounds(lines: Sequence[TextLine], *, tolerance: float = _CROSSED) -> list[float]:
    """x between each two columns that the lines have in common, from left to right.

    White bands that no line crosses come first; then bands that few lines cross (headings over several
    columns), where they do not widen one of the first kind.

    Args:
        lines: Of one table, those with more than one cell.
        tolerance: Share of the lines that may cross a band.
    """
    if len(lines) < 2:
        return []
    height = median(line.height for line in lines)
    runs: list[Run] = [
        (run[0].x0, max([word.x1 for word in run]), index)
        for index, line in enumerate(lines)
        for run in line.runs(_WORD_GAP)
    ]
    count = len(lines)
    narrow = height * next((gap for most, gap in _NARROW if count <= most), _NARROWEST)
    events = sorted([(x0, 1) for x0, _, _ in runs] + [(x1, -1) for _, x1, _ in runs])
    bands = _white_bands(events, 0)
    sure = [band for band in bands if band[1] - band[0] >= narrow]
    allowed = int(tolerance * count)
    for level in range(1, allowed + 1):
        for band in _white_bands(events, level):
            if band[1] - band[0] < max(narrow, _CROSSED_GAP * height):
                continue
            if not any(other[0] < band[1] and band[0] < other[1] for other in sure):
                sure.append(band)
    bounds = sorted((start + end) / 2 for start, end in sure)
    return _supported(bounds, runs, count)


def _white_bands(events: Sequence[tuple[float, int]], level: int) -> list[tuple[float, float]]:
    """Bands inside the text that at most `level` runs cover; a run is an event at either end."""
    bands: list[tuple[float, float]] = []
    depth, start = 0, None
    left, right = events[0][0], events[-1][0]
    for x, step in events:
        depth += step
        if depth <= level and start is None:
            start = x
        elif depth > level and start is not None:
            if x > start > left and x < right:
                bands.append((start, x))
            start = None
    return bands


def _supported(bounds: list[float], runs: Sequence[Run], count: int) -> list[float]:
    """Drop bounds with a column beside them that fewer than two lines have text in."""
    while bounds:
        filled: list[set[int]] = [set() for _ in range(len(bounds) + 1)]
        for x0, x1, line in runs:
            filled[bisect_right(bounds, (x0 + x1) / 2)].add(line)
        poor = min(range(len(filled)), key=lambda index: len(filled[index]))
        if len(filled[poor]) >= min(2, count):
            return bounds
        del bounds[min(poor, len(bounds) - 1)]
    return bounds
