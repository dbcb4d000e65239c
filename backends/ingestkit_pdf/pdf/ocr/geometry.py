"""Between a page and a picture of it: scale, turn, and the way back. Clockwise is positive, y goes down."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from ingestkit_pdf.pdf.lines import Line

__all__ = ["Box", "Turn", "fitting_dpi", "turned"]

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Turn:
    """A page, or an area of it, turned and moved so that the turned one begins at 0, 0.

    Attributes:
        degrees: Clockwise.
        left, top: Where the turned one would begin, had it not been moved.
        width, height: Of the turned one. All in the unit of the page's own.
    """

    degrees: float
    left: float
    top: float
    width: float
    height: float

    def back(self, box: Box) -> Box:
        """The box on the page that encloses a box of the turned one."""
        return _rotated(
            (box[0] + self.left, box[1] + self.top, box[2] + self.left, box[3] + self.top), -self.degrees
        )

    def forth(self, box: Box) -> Box:
        """The box of the turned one that encloses a box of the page."""
        x0, y0, x1, y1 = _rotated(box, self.degrees)
        return x0 - self.left, y0 - self.top, x1 - self.left, y1 - self.top

    def moved_back(self, box: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        """The same as `back`, in whole units."""
        x0, y0, x1, y1 = self.back(box)
        return round(x0), round(y0), round(x1), round(y1)

    def move_forth(self, lines: Iterable[Line]) -> None:
        """Give lines of the page their boxes on the turned one."""
        for line in lines:
            box = self.forth((line.x0, line.y0, line.x1, line.y1))
            line.x0, line.y0, line.x1, line.y1 = (round(value) for value in box)
            line.base = line.y1


def turned(area: Box, degrees: float) -> Turn:
    """An area, turned."""
    x0, y0, x1, y1 = _rotated(area, degrees)
    return Turn(degrees, x0, y0, x1 - x0, y1 - y0)


def _rotated(box: Box, degrees: float) -> Box:
    """The box around a box that was turned about 0, 0."""
    if not degrees:
        return box
    sin, cos = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    corners = [(x, y) for x in (box[0], box[2]) for y in (box[1], box[3])]
    xs = [x * cos - y * sin for x, y in corners]
    ys = [x * sin + y * cos for x, y in corners]
    return min(xs), min(ys), max(xs), max(ys)


def fitting_dpi(width: float, height: float, dpi: int, max_pixels: int) -> int:
    """`dpi`, or less where an area of so many points would have more than `max_pixels`; at least 1."""
    inches = max(width * height / 72**2, 1e-9)
    return max(min(dpi, math.isqrt(int(max_pixels / inches))), 1)
