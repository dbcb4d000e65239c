"""Text that is painted, and cannot be seen: under what is painted later, or on a ground of its colour.

MuPDF gives text and painted areas in the order in which they are painted, and areas with their colours. So
most pages are cleared by looking at their areas: none is painted over a line, and none has the colour of the
text on it. What is suspected is looked at: the page is painted once, and text of which nothing can be seen
leaves a single colour behind. That decides about opacity, blending (a highlight is painted over its text) and
pictures, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass

from ingestkit_pdf.pdf.bands import Bands
from ingestkit_pdf.pdf.blocks import Run
from ingestkit_pdf.pdf.mupdf import SCALE, PageContent, Painted, ParserError

__all__ = ["Suspect", "covered_runs", "is_nearly_white"]

_MIN_AREA = 4.0  # points, of both sides; less is a rule
_MAX_AREAS = 100  # of a page that are looked at; with more it is a drawing, or a table of shaded cells
_MIN_OVERLAP = 0.4  # of the font size, along a run: an area that covers less has only come near
_INSET, _INSET_SHARE = SCALE, 0.15  # a point, and of the width: what is painted has a soft edge
_TOP, _BOTTOM = 0.2, 0.8  # of the height of a run: between them every letter leaves a mark
_SAME_COLOUR = 12  # of 255: text that differs less from its ground cannot be seen
_RGB = 0xFFFFFF  # bits of a colour without its opacity
_LIGHT = 0xF0F0F0  # bits that a colour that is nearly white has
_ANY_LIGHT = -1  # stands for the colour of an image, which is not known

_Area = tuple[int, int, float, float, float, float]
"""Index of its block, colour, and box in hundredths of a point."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A run, and from where to where parts of it may be hidden, in hundredths of a point."""

    run: Run
    parts: list[tuple[float, float]]


def is_nearly_white(colour: int) -> bool:
    """True for a colour that cannot be told from white paper."""
    return colour & _LIGHT == _LIGHT


def covered_runs(content: PageContent, colours: Iterable[int]) -> list[Suspect]:
    """The runs of a page of which a part lies under an area, or on one of its own colour, and cannot be seen.

    Args:
        content: The page.
        colours: Those that it has text in.
    """
    areas = _areas(content, {colour & _RGB for colour in colours if colour >> 24})
    suspects = list(_suspects(content, areas)) if areas else []
    if not suspects:
        return []
    try:
        painted = content.painted(
            min(suspect.run.bbox.x for suspect in suspects) / SCALE,
            min(suspect.run.bbox.y for suspect in suspects) / SCALE,
            max(suspect.run.bbox.x + suspect.run.bbox.w for suspect in suspects) / SCALE,
            max(suspect.run.bbox.y + suspect.run.bbox.h for suspect in suspects) / SCALE,
        )
    except ParserError:
        return []
    for suspect in suspects:
        suspect.parts[:] = [part for part in suspect.parts if _is_hidden(painted, suspect.run, part)]
    return [suspect for suspect in suspects if suspect.parts]


def _is_hidden(painted: Painted, run: Run, part: tuple[float, float]) -> bool:
    """True when the page has a single colour where the letters are."""
    box = run.bbox
    inset = min(_INSET, _INSET_SHARE * (part[1] - part[0]))
    x0, x1 = part[0] + inset, part[1] - inset
    y0, y1 = box.y + _TOP * box.h, box.y + _BOTTOM * box.h
    return painted.contrast(x0 / SCALE, y0 / SCALE, x1 / SCALE, y1 / SCALE) <= _SAME_COLOUR


def _suspects(content: PageContent, areas: Sequence[_Area]) -> Iterator[Suspect]:
    highest, lowest = min([area[3] for area in areas]), max([area[5] for area in areas])
    runs = [
        (top, number, run)
        for number, block in enumerate(content.blocks)
        for run in block.lines
        if highest <= (top := run.bbox.y + _TOP * run.bbox.h) <= lowest
    ]
    bands = Bands(((area[3], area[5], area) for area in areas), (top for top, _, _ in runs))
    for top, number, run in runs:
        box = run.bbox
        bottom = box.y + _BOTTOM * box.h
        near = [
            area
            for area in bands.around(top)
            if area[3] <= top and bottom <= area[5] and area[2] < box.x + box.w and area[4] > box.x
        ]
        if near and (parts := _over(run, number, near)):
            yield Suspect(run, parts)


def _over(run: Run, number: int, near: Sequence[_Area]) -> list[tuple[float, float]]:
    """Where areas are painted over a run, else where the last one painted under it has its colour."""
    left, right = run.bbox.x, run.bbox.x + run.bbox.w
    ground = None
    parts: list[tuple[float, float]] = []
    for index, fill, x0, _, x1, _ in near:
        start, end = max(x0, left), min(x1, right)
        if index > number:
            if fill != _ANY_LIGHT and end - start > _MIN_OVERLAP * run.font.size:
                parts.append((start, end))
        elif start <= left and end >= right:
            ground = fill
    has_its_colour = ground == run.argb & _RGB or (ground == _ANY_LIGHT and is_nearly_white(run.argb))
    if not parts and run.argb >> 24 and has_its_colour:
        parts.append((left, right))
    return parts


def _areas(content: PageContent, colours: Set[int]) -> list[_Area]:
    """The opaque rectangles of a page, if one can hide text: painted after some, or of the colour of some.

    Under text that is nearly white, images of one colour count as well.
    """
    fills = [
        (number, block.argb & _RGB)
        for number, block in enumerate(content.blocks)
        if block.type == "vector"
        and not block.stroked
        and block.rectangle
        and block.argb >> 24 & 0xFF == 0xFF
    ]
    if len(fills) > _MAX_AREAS:
        return []
    images: list[_Area] = []
    if any(map(is_nearly_white, colours)):
        for number in sorted(content.flat_images()):
            box = content.blocks[number].bbox
            if box is not None:
                images.append((number, _ANY_LIGHT, box.x, box.y, box.x + box.w, box.y + box.h))
    if not fills:
        return images
    first_text = next((number for number, block in enumerate(content.blocks) if block.type == "text"), 0)
    if fills[-1][0] < first_text and colours.isdisjoint(fill for _, fill in fills):
        return images
    found: list[_Area] = [
        (number, fill, x0 * SCALE, y0 * SCALE, x1 * SCALE, y1 * SCALE)
        for number, fill in fills
        for x0, y0, x1, y1 in (content.blocks[number].box,)
        if x1 - x0 > _MIN_AREA and y1 - y0 > _MIN_AREA
    ]
    return sorted(found + images) if images else found
