"""The blocks of a page: from memory where that can be trusted, else from what MuPDF prints.

MuPDF prints a page as JSON, which is quick, but says neither where a path is painted nor in what colour text
is. So blocks are read where they lie (`structs.py`), and only their letters are printed. That is trusted
after a check, once in each process, on a page made for it: pointer by pointer against the bindings, then as
a whole against the JSON. Where it fails, JSON and bindings give the same blocks, more slowly.
"""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress
from functools import cache
from typing import Any

from ingestkit_pdf.pdf.blocks import Block, parse_blocks

from .binding import FAILURES, SCALE, mupdf, printed, pymupdf
from .structs import Looks, address_of, block_at, blocks_in_memory, char_at, line_at

__all__ = ["read_blocks"]

_TEXT = mupdf.FZ_STEXT_BLOCK_TEXT


def read_blocks(stext: Any, looks: Looks) -> list[Block]:
    """The blocks of a structured text page with its runs kept apart, in the order of the content.

    Args:
        stext: The page.
        looks: Of the fonts of its document, so far.

    Raises:
        ValueError: MuPDF prints what is no JSON of a page.
    """
    blocks = None
    if _is_laid_out_so():
        with suppress(OverflowError, ValueError):  # of what is no number
            blocks = blocks_in_memory(stext, looks)
    return _from_json(stext) if blocks is None else blocks


def _from_json(stext: Any) -> list[Block]:
    blocks = parse_blocks(printed(lambda out: mupdf.fz_print_stext_page_as_json(out, stext, SCALE)))
    node = stext.m_internal.first_block
    for block in blocks:
        if block.type == "vector":
            block.argb &= 0xFFFFFFFF
            block.box = _box(node)
        elif block.type == "text":
            block.bbox = None  # nobody asks for it
        line = _first_line(node)
        for run in block.lines:
            run.argb = line.first_char.argb
            line = line.next
        node = node.next
    return blocks


def _box(node: Any) -> tuple[float, float, float, float]:
    box = node.bbox
    return box.x0, box.y0, box.x1, box.y1


def _first_line(node: Any) -> Any:
    return mupdf.FzStextBlock(node).begin().m_internal if node.type == _TEXT else None


@cache
def _is_laid_out_so() -> bool:
    """Whether this MuPDF lays its structures out as it is written here; no pointer is followed unchecked."""
    if ctypes.sizeof(ctypes.c_void_p) != 8 or sys.byteorder != "little":
        return False
    try:
        with pymupdf.open() as document:
            page = document.new_page()
            page.insert_image((300, 300, 310, 310), pixmap=pymupdf.Pixmap(pymupdf.csRGB, (0, 0, 1, 1)))
            for place, font in ((50, "hebo"), (150, "coit")):
                page.draw_rect((50, place, 300, place + 20), color=(1, 0, 0), fill=(0, 1, 0))
                page.insert_text((60, place + 15), "red", color=(1, 0, 0), fontname=font)
                page.insert_text((160, place + 15), "blue \u00e9", color=(0, 0, 1), fontsize=8)
            flags = (
                mupdf.FZ_STEXT_PRESERVE_SPANS
                | mupdf.FZ_STEXT_PRESERVE_IMAGES
                | mupdf.FZ_STEXT_COLLECT_VECTORS
            )
            stext = mupdf.FzStextPage(page.this, mupdf.FzStextOptions(flags), mupdf.FzCookie())
            return _agrees(stext) and blocks_in_memory(stext, Looks()) == _from_json(stext)
    except FAILURES:
        return False


def _agrees(stext: Any) -> bool:
    """Whether the pointers that stand in memory are those that the bindings follow."""
    kinds: list[int] = []
    node = stext.m_internal.first_block
    while node is not None:
        kinds.append(node.type)
        line = _first_line(node)
        kind, *box, first, following = block_at(address_of(node))
        if (kind, tuple(box), following) != (node.type, _box(node), address_of(node.next)):
            return False
        if kind == _TEXT and first != address_of(line):
            return False
        while line is not None:
            char = line.first_char
            if line_at(address_of(line))[5:] != (address_of(char), address_of(line.next)):
                return False
            if char_at(address_of(char))[3] != address_of(char.font):
                return False
            line = line.next
        node = node.next
    return kinds.count(_TEXT) > 1 and {mupdf.FZ_STEXT_BLOCK_IMAGE, mupdf.FZ_STEXT_BLOCK_VECTOR} <= set(kinds)
