"""The images of a page as areas: those that touch taken together, and how much text stands on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ingestkit_pdf.pdf.lines import Line

__all__ = ["IntBox", "around", "joined_images", "letters_on"]

_TOUCHING = 200  # hundredths of a point: strips of one scan
_MAX_APART = 100  # images of a page that do not touch; more are taken as one

IntBox = tuple[int, int, int, int]
"""x0, y0, x1, y1 in hundredths of a point."""


def joined_images(images: Iterable[IntBox], width: int, height: int) -> list[IntBox]:
    """The boxes of images on the page, those that touch as one; very many as one altogether."""
    joined: list[IntBox] = []
    clipped = ((max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)) for x0, y0, x1, y1 in images)
    boxes = [box for box in clipped if box[2] > box[0] and box[3] > box[1]]
    for box in boxes:
        joined = _with(joined, box)
        if len(joined) > _MAX_APART:
            return [around(boxes)]
    return joined


def letters_on(box: IntBox, lines: Iterable[Line]) -> int:
    """How many letters of the page's own text stand on an area."""
    x0, y0, x1, y1 = box
    return sum(
        len(line.text)
        for line in lines
        if x0 <= (line.x0 + line.x1) // 2 <= x1 and y0 <= (line.y0 + line.y1) // 2 <= y1
    )


def around(boxes: Sequence[IntBox]) -> IntBox:
    """The box around all of them."""
    x0s, y0s, x1s, y1s = zip(*boxes, strict=True)
    return min(x0s), min(y0s), max(x1s), max(y1s)


def _with(boxes: list[IntBox], box: IntBox) -> list[IntBox]:
    """The boxes with one more, which takes in those that it touches."""
    apart = []
    for other in boxes:
        if (
            other[0] <= box[2] + _TOUCHING
            and box[0] <= other[2] + _TOUCHING
            and other[1] <= box[3] + _TOUCHING
            and box[1] <= other[3] + _TOUCHING
        ):
            box = around([box, other])
        else:
            apart.append(other)
    return [*apart, box]
