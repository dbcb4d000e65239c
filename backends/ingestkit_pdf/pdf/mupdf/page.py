"""What one interpretation of a page gave.

One page is interpreted once, into a structured text page (stext), whose blocks are read once
(`page_blocks.py`). MuPDF prints it as JSON or XML for questions that only some pages raise.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ingestkit_pdf.pdf.blocks import Block, Element, Run, parse_elements
from ingestkit_pdf.pdf.letters import needs_letters, put_right

from .binding import (
    SCALE,
    ParserError,
    drop_messages,
    guarded,
    letters_of,
    message_count,
    mupdf,
    printed,
    pymupdf,
)

__all__ = ["PageContent", "Painted"]

_TAGGED_FLAGS = (
    mupdf.FZ_STEXT_PRESERVE_SPANS | mupdf.FZ_STEXT_PRESERVE_LIGATURES | mupdf.FZ_STEXT_COLLECT_STRUCTURE
)

_NEARLY_WHITE = 0.94  # of full brightness: no ground for white text
_MIN_GROUND = 4  # points; less is a rule, not a ground for text
_MAX_GROUNDS = 2000  # drawings of tens of thousands of areas exist


_PAINTED_SCALE = 2.0  # pixels a point, at which a page is looked at for what can be seen of it
_PAINTED_PIXELS = 4_000_000  # of that picture; of a larger page there are fewer a point
_FLAT_BYTES, _FLAT_RATIO = 4096, 0.02  # bytes, and bytes a pixel: an image that takes less is of one colour


@dataclass(frozen=True, slots=True)
class Painted:
    """An area of a page in colours, 8 bits each of red, green and blue; so many pixels a point."""

    samples: bytes
    left: int
    top: int
    width: int
    height: int
    scale: float

    def contrast(self, x0: float, y0: float, x1: float, y1: float) -> int:
        """By how much the colours in a box (in points) differ, 0 to 255; 255 where it is beside the page."""
        left = max(int(x0 * self.scale) - self.left, 0)
        right = min(int(x1 * self.scale) + 1 - self.left, self.width)
        top = max(int(y0 * self.scale) - self.top, 0)
        bottom = min(int(y1 * self.scale) + 1 - self.top, self.height)
        if left >= right or top >= bottom:
            return 255
        rows = [
            self.samples[3 * (row * self.width + left) : 3 * (row * self.width + right)]
            for row in range(top, bottom)
        ]
        area = b"".join(rows)
        return max(max(area[channel::3]) - min(area[channel::3]) for channel in range(3))


@dataclass(slots=True)
class PageContent:
    """What one interpretation of a page gave.

    Attributes:
        width: Of the page as displayed, in points; so is `height`.
        rotation: The page's own rotation in degrees; boxes have it applied.
        blocks: Text with its runs, images and painted paths, in the order of the content.
        errors: How many errors MuPDF met and stepped over while it interpreted the page.
        messages: How many messages it had meanwhile; a stream that does not inflate is a message only.
        stext: The structured text page, for questions that only some pages raise.
        page: MuPDF's page, likewise.
        source: PyMuPDF's document and the index of the page in it, likewise.
        areas: What the layout model said, once it was asked.
    """

    width: float
    height: float
    rotation: int
    blocks: list[Block]
    errors: int
    messages: int
    stext: Any
    page: Any
    source: tuple[Any, int]
    areas: list[tuple[float, float, float, float, str]] | None = None

    def runs(self) -> Iterator[Run]:
        """The runs of the text, in the order of the content."""
        for block in self.blocks:
            yield from block.lines

    def letters(self) -> list[bytes]:
        """The runs of the page as XML: a `<char>` with colour, opacity and flags for every letter."""
        return letters_of(self.stext)

    def elements(self) -> list[Element]:
        """The text once more, in the elements of the document's own structure, in their order."""
        with guarded():
            stext = mupdf.FzStextPage(self.page, mupdf.FzStextOptions(_TAGGED_FLAGS), mupdf.FzCookie())
            data = printed(lambda out: mupdf.fz_print_stext_page_as_json(out, stext, SCALE))
            elements = parse_elements(data)
        if needs_letters(_leaves(elements)):
            put_right(_leaves(elements), letters_of(stext))
        return elements

    @property
    def vector_count(self) -> int:
        """How many painted paths there are, each rectangle and segment of one counted."""
        return sum(1 for block in self.blocks if block.type == "vector")

    def words(self) -> list[tuple[Any, ...]]:
        """The text as (x0, y0, x1, y1, word, ...), in points, cut at white space."""
        with guarded():
            words: list[tuple[Any, ...]] = pymupdf.TextPage(self.stext).extractWORDS()
            return words

    def vectors(self) -> list[tuple[float, float, float, float, bool, bool]]:
        """The painted paths as (x0, y0, x1, y1, is stroked, is white), in points."""
        return [
            (*block.box, block.stroked > 0, block.argb & 0xFFFFFF == 0xFFFFFF)
            for block in self.blocks
            if block.type == "vector"
        ]

    def flat_images(self) -> set[int]:
        """Indices of the images of one colour, which pack to next to nothing."""
        flat: set[int] = set()
        if not any(block.type == "image" for block in self.blocks):
            return flat
        with guarded():
            node = self.stext.m_internal.first_block
            for number, block in enumerate(self.blocks):
                if block.type == "image":
                    image = mupdf.FzStextBlock(node).i_image()
                    size = mupdf.ll_fz_image_size(image.m_internal)
                    if size < _FLAT_BYTES + _FLAT_RATIO * image.w() * image.h():
                        flat.add(number)
                node = node.next
        return flat

    def painted(self, x0: float, y0: float, x1: float, y1: float) -> Painted:
        """An area of the page (in points) as it is seen, small, without annotations.

        Raises:
            ParserError: MuPDF cannot.
        """
        messages = message_count()
        scale = min(_PAINTED_SCALE, (_PAINTED_PIXELS / max(self.width * self.height, 1)) ** 0.5)
        with guarded():
            matrix = mupdf.FzMatrix(scale, 0, 0, scale, 0, 0)
            left, top = int(max(x0, 0) * scale), int(max(y0, 0) * scale)
            right = max(int(min(x1, self.width) * scale) + 1, left + 1)
            bottom = max(int(min(y1, self.height) * scale) + 1, top + 1)
            area = mupdf.FzIrect(left, top, right, bottom)
            rgb = mupdf.FzColorspace(mupdf.FzColorspace.Fixed_RGB)
            pixmap = mupdf.FzPixmap(rgb, area, mupdf.FzSeparations(), 0)
            mupdf.fz_clear_pixmap_with_value(pixmap, 0xFF)
            device = mupdf.fz_new_draw_device(matrix, pixmap)
            mupdf.fz_run_page_contents(self.page, device, mupdf.FzMatrix(), mupdf.FzCookie())
            mupdf.fz_close_device(device)
            samples = bytes(mupdf.fz_pixmap_samples_memoryview(pixmap))
        drop_messages(messages)
        return Painted(samples, left, top, right - left, bottom - top, scale)

    def layout_boxes(self) -> list[tuple[float, float, float, float, str]]:
        """The page's areas as (x0, y0, x1, y1, kind) by the layout model, which is asked once.

        It has to be loaded, see `load_layout_model`. None where the model fails, and
        where the page is stored on its side: the model would see it so.
        """
        if self.areas is None:
            self.areas = []
            document, index = self.source
            with suppress(ParserError), guarded():
                if not self.rotation:
                    page = document[index]
                    page.get_layout()
                    self.areas = [(*box[:4], str(box[-1])) for box in page.layout_information or ()]
        return self.areas

    def is_marked(self) -> bool:
        """True when anything at all is painted on the page; computed in C, whatever the number of paths."""
        box = mupdf.FzRect(mupdf.FzRect.Fixed_EMPTY)
        with guarded():
            device = mupdf.fz_new_bbox_device(box)
            mupdf.fz_run_page(self.page, device, mupdf.FzMatrix(), mupdf.FzCookie())
            mupdf.fz_close_device(device)
        return bool(box.x1 > box.x0 or box.y1 > box.y0)

    def painted_areas(self) -> list[tuple[float, float, float, float]]:
        """Boxes of what is filled with something else than white, and of images; in hundredths of a point."""
        areas = [
            (x0 * SCALE, y0 * SCALE, x1 * SCALE, y1 * SCALE)
            for block in self.blocks
            if block.type == "vector" and not block.stroked and _is_ground(block.argb)
            for x0, y0, x1, y1 in (block.box,)
            if x1 - x0 > _MIN_GROUND and y1 - y0 > _MIN_GROUND
        ][:_MAX_GROUNDS]
        for block in self.blocks:
            if block.type == "image" and (box := block.bbox) is not None:
                areas.append((box.x, box.y, box.x + box.w, box.y + box.h))
        return areas


def _is_ground(argb: int) -> bool:
    """True for a colour that, with its opacity and on white paper, lets white text be seen."""
    darkest = min(argb >> 16 & 0xFF, argb >> 8 & 0xFF, argb & 0xFF)
    return (0xFF - darkest) * (argb >> 24 & 0xFF) > (1 - _NEARLY_WHITE) * 0xFF**2


def _leaves(elements: list[Element]) -> Iterator[Element]:
    for element in elements:
        yield element
        yield from _leaves(element.contents)
