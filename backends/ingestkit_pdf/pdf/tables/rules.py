"""From painted paths to rules: the straight lines that a reader sees, however they were drawn."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter

from ingestkit_pdf.pdf.tables.model import Box, Rule

__all__ = ["Frame", "Rules", "find_frames", "read_rules"]

_THIN = 3.0  # a filled rectangle thinner than this is a line
_EDGE = 6.0  # what runs along the edge of the page frames the page
_WHOLE_SIDE = 0.9  # of a side of the page, along its edge: a frame of the page
_PAGE_WIDTH, _PAGE_HEIGHT = 0.95, 0.8  # of the page: an area that is larger is its ground
_SHORT = 5.0  # what is shorter is a dot, a corner or part of a glyph
_SNAP = 2.0  # lines nearer than this are one line: a border drawn twice, rows of separate borders
_BRIDGE = 3.5  # gaps at corners and between the dashes of one line
_MAX_MEETINGS = 400_000  # 40 ms; the largest tables have some 200 by 50 rules
_REACH = 3.5  # lines that end so near to each other meet


@dataclass(slots=True)
class Rules:
    """The horizontal and vertical rules of a page, and the boxes of filled areas."""

    horizontal: list[Rule] = field(default_factory=list)
    vertical: list[Rule] = field(default_factory=list)
    fills: list[Box] = field(default_factory=list)

    def with_fills(self) -> Rules:
        """The edges of filled areas taken as rules, too: some tables have no other."""
        horizontal, vertical = list(self.horizontal), list(self.vertical)
        for x0, y0, x1, y1 in self.fills:
            horizontal += (Rule(y0, x0, x1), Rule(y1, x0, x1))
            vertical += (Rule(x0, y0, y1), Rule(x1, y0, y1))
        return Rules(_merged(horizontal), _merged(vertical), [])


@dataclass
class Frame:
    """Rules that meet: the grid of a table, a box around text, or part of a drawing."""

    horizontal: list[Rule]
    vertical: list[Rule]

    @cached_property
    def box(self) -> Box:
        """Around all of them; it is asked for when they are complete."""
        xs = [x for rule in self.horizontal for x in rule[1:]] + [rule.at for rule in self.vertical]
        ys = [y for rule in self.vertical for y in rule[1:]] + [rule.at for rule in self.horizontal]
        return min(xs), min(ys), max(xs), max(ys)

    @property
    def area(self) -> float:
        """Of that box."""
        x0, y0, x1, y1 = self.box
        return (x1 - x0) * (y1 - y0)


def read_rules(
    vectors: Iterable[tuple[float, float, float, float, bool, bool]], width: float, height: float
) -> Rules:
    """Sort the paths of a page into rules and filled areas."""
    horizontal: list[Rule] = []
    vertical: list[Rule] = []
    fills: list[Box] = []
    for x0, y0, x1, y1, is_stroked, is_white in vectors:
        w, h = x1 - x0, y1 - y0
        if w <= _THIN and h <= _THIN:
            continue
        if (w > _WHOLE_SIDE * width and (y0 <= _EDGE or y1 >= height - _EDGE)) or (
            h > _WHOLE_SIDE * height and (x0 <= _EDGE or x1 >= width - _EDGE)
        ):
            continue
        if h <= _THIN:
            if not is_white:
                horizontal.append(Rule((y0 + y1) / 2, x0, x1))
        elif w <= _THIN:
            if not is_white:
                vertical.append(Rule((x0 + x1) / 2, y0, y1))
        elif w > _SHORT and h > _SHORT and not (w > _PAGE_WIDTH * width and h > _PAGE_HEIGHT * height):
            if is_white:
                continue
            if is_stroked:
                horizontal += (Rule(y0, x0, x1), Rule(y1, x0, x1))
                vertical += (Rule(x0, y0, y1), Rule(x1, y0, y1))
            else:
                fills.append((x0, y0, x1, y1))
    return Rules(_merged(horizontal), _merged(vertical), fills)


def _merged(rules: list[Rule]) -> list[Rule]:
    """Join what lies on one line and touches; drop what is too short to be a rule."""
    rules.sort()
    groups: list[list[Rule]] = []
    for rule in rules:
        if groups and rule.at - groups[-1][0].at <= _SNAP:
            groups[-1].append(rule)
        else:
            groups.append([rule])
    merged: list[Rule] = []
    for group in groups:
        group.sort(key=itemgetter(1))  # by where they start
        at = _middle(group)
        _, start, end = group[0]
        for _, first, last in group:
            if first > end + _BRIDGE:
                merged.append(Rule(at, start, end))
                start, end = first, last
            elif last > end:
                end = last
        merged.append(Rule(at, start, end))
    return [rule for rule in merged if rule.end - rule.start > _SHORT]


def _middle(group: Sequence[Rule]) -> float:
    """Where most of the length lies."""
    total = sum([end - start for _, start, end in group]) or 1.0
    return sum([at * (end - start) for at, start, end in group]) / total


def find_frames(rules: Rules) -> list[Frame]:
    """Group the rules that cross or touch; a rule that meets no other is a frame of its own.

    So many rules that every one cannot be held against every other are a drawing: it has no frames.
    """
    horizontal, vertical = rules.horizontal, sorted(rules.vertical)
    if len(horizontal) * len(vertical) > _MAX_MEETINGS:
        return []
    parent = list(range(len(horizontal) + len(vertical)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    offset = len(horizontal)
    places = [rule.at for rule in vertical]
    for index, (y, x0, x1) in enumerate(horizontal):
        for other in range(bisect_left(places, x0 - _REACH), bisect_right(places, x1 + _REACH)):
            _, y0, y1 = vertical[other]
            if y0 - _REACH <= y <= y1 + _REACH:
                parent[root(index)] = root(offset + other)
    groups: dict[int, Frame] = {}
    for index, rule in enumerate(horizontal):
        groups.setdefault(root(index), Frame([], [])).horizontal.append(rule)
    for index, rule in enumerate(vertical):
        groups.setdefault(root(offset + index), Frame([], [])).vertical.append(rule)
    return list(groups.values())
