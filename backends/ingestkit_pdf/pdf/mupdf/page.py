"""What one interpretation of a page gave.

One page is interpreted once, into a structured text page (stext). MuPDF prints that as JSON, HTML or XML
in C; reading its JSON (`blocks.py`) is faster than having PyMuPDF build a dictionary for every span
(`benchmarks/pages.py`), and gives the same text, boxes, fonts and images.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ingestkit_pdf.pdf.blocks import Block, Element, read_elements
from ingestkit_pdf.pdf.letters import needs_letters, put_right

from .binding import SCALE, ParserError, extra, guarded, mupdf, printed, pymupdf, xml_of

__all__ = ["PageContent"]

_TAGGED_FLAGS = (
    mupdf.FZ_STEXT_PRESERVE_SPANS | mupdf.FZ_STEXT_PRESERVE_LIGATURES | mupdf.FZ_STEXT_COLLECT_STRUCTURE
)

_NEARLY_WHITE = 0.94  # of full brightness: no ground for white text
_MIN_GROUND = 4  # points; less is a rule, not a ground for text
_MAX_GROUNDS = 2000  # drawings of tens of thousands of areas exist


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

    def html(self) -> bytes:
        """The text as HTML with the colour of every run: `color` is missing where it is invisible.

        Images would be decoded and encoded again for it; while it is printed they pass for painted paths.
        """
        has_images = any(block.type == "image" for block in self.blocks)
        images = [node for block, node in self._nodes() if block.type == "image"] if has_images else []
        try:
            for node in images:
                node.type = mupdf.FZ_STEXT_BLOCK_VECTOR
            return printed(lambda out: mupdf.fz_print_stext_page_as_html(out, self.stext, 0))
        finally:
            for node in images:
                node.type = mupdf.FZ_STEXT_BLOCK_IMAGE

    def xml(self) -> bytes:
        """The text as XML, a `<char>` with colour, opacity and flags for every character."""
        return xml_of(self.stext)

    def elements(self) -> list[Element]:
        """The text once more, in the elements of the document's own structure, in their order."""
        with guarded():
            stext = mupdf.FzStextPage(self.page, mupdf.FzStextOptions(_TAGGED_FLAGS), mupdf.FzCookie())
            data = printed(lambda out: mupdf.fz_print_stext_page_as_json(out, stext, SCALE))
            elements = read_elements(data)
        if needs_letters(_leaves(elements)):
            put_right(_leaves(elements), xml_of(stext))
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
        """The painted paths as (x0, y0, x1, y1, is stroked, is white), in points.

        MuPDF's JSON has their kinds and colours, but not their boxes.
        """
        found: list[tuple[float, float, float, float, bool, bool]] = []
        with guarded():
            node = self.stext.m_internal.first_block
            for block in self.blocks:  # as `_nodes` does, without a generator: there are thousands
                if block.type == "vector":
                    box = node.bbox
                    is_white = block.argb & 0xFFFFFF == 0xFFFFFF
                    found.append((box.x0, box.y0, box.x1, box.y1, block.stroked > 0, is_white))
                node = node.next
        return found

    def _nodes(self) -> Iterator[tuple[Block, Any]]:
        """Each block with MuPDF's own of it."""
        node = self.stext.m_internal.first_block
        for block in self.blocks:
            yield block, node
            node = node.next

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
        areas: list[tuple[float, float, float, float]] = []

        def keep(path: dict[str, Any]) -> None:
            fill = path.get("fill")
            x0, y0, x1, y1 = path["rect"]
            seen = x1 - x0 > _MIN_GROUND and y1 - y0 > _MIN_GROUND and len(areas) < _MAX_GROUNDS
            if fill and seen and min(fill) < _NEARLY_WHITE:
                areas.append((x0 * SCALE, y0 * SCALE, x1 * SCALE, y1 * SCALE))

        with guarded():
            extra.get_cdrawings(self.page, False, keep, None)
        for block in self.blocks:
            if block.type == "image" and (box := block.bbox) is not None:
                areas.append((box.x, box.y, box.x + box.w, box.y + box.h))
        return areas


def _leaves(elements: list[Element]) -> Iterator[Element]:
    for element in elements:
        yield element
        yield from _leaves(element.contents)
