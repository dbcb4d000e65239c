"""The blocks of a page, read where MuPDF has them in memory.

MuPDF prints a page as JSON, which is quick, but says neither where a path is painted nor in what colour text
is; and through the bindings each pointer that is followed takes a microsecond, because they wrap what they
return. So the structures are read where they lie, as `mupdf/fitz/structured-text.h` lays them out (PyMuPDF
ships it), and only the text is printed.

That layout is checked once in each process, on a page made for it: pointer by pointer against the bindings,
then as a whole against the JSON. Where it is another one, JSON and bindings are used all along, with the same
result.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from ctypes import Structure, c_char, c_float, c_int, c_uint8, c_uint16, c_uint32, c_void_p
from functools import cache
from operator import sub
from struct import Struct, pack, unpack
from typing import Any

from ingestkit_pdf.pdf.blocks import Block, BlockBox, Font, Run, parse_blocks

from .binding import FAILURES, SCALE, mupdf, printed, pymupdf

__all__ = ["Looks", "read_blocks"]

_TEXT, _IMAGE, _VECTOR = (
    mupdf.FZ_STEXT_BLOCK_TEXT,
    mupdf.FZ_STEXT_BLOCK_IMAGE,
    mupdf.FZ_STEXT_BLOCK_VECTOR,
)
_STROKED, _RECTANGLE = mupdf.FZ_STEXT_VECTOR_IS_STROKED, mupdf.FZ_STEXT_VECTOR_IS_RECTANGLE
_FAR = 2**31 / SCALE  # points; C has no whole numbers for what is farther away
_MAX_LOOKS = 100  # fonts; a document may have some for each page


class _Block(Structure):
    """`fz_stext_block`; of its union what text and painted paths have."""

    _fields_ = (
        ("type", c_int),
        ("id", c_int),
        ("box", c_float * 4),
        ("first_line", c_void_p),  # of a path its flags, and behind them its colour
        ("union", c_char * 24),
        ("prev", c_void_p),
        ("next", c_void_p),
    )


class _Line(Structure):
    """`fz_stext_line`: a run, since runs are kept apart."""

    _fields_ = (
        ("wmode", c_uint8),
        ("flags", c_uint8),
        ("dir", c_float * 2),
        ("box", c_float * 4),
        ("first_char", c_void_p),
        ("last_char", c_void_p),
        ("prev", c_void_p),
        ("next", c_void_p),
    )


class _Char(Structure):
    """`fz_stext_char`, as far as its font."""

    _fields_ = (
        ("c", c_int),
        ("bidi", c_uint16),
        ("flags", c_uint16),
        ("argb", c_uint32),
        ("x", c_float),
        ("y", c_float),
        ("quad", c_float * 8),
        ("size", c_float),
        ("font", c_void_p),
    )


def _reader(structure: type[Structure], **formats: str) -> Struct:
    """Unpacks these fields of a structure, which are in order."""
    layout, end = "=", 0
    for name, code in formats.items():
        start = getattr(structure, name).offset
        layout += f"{start - end}x{code}"
        end = start + Struct(f"={code}").size
    return Struct(layout)


_BLOCK = _reader(_Block, type="i", box="4f", first_line="Q", next="Q")
_LINE = _reader(_Line, wmode="B", box="4f", first_char="Q", next="Q")
_CHAR = _reader(_Char, argb="I", y="f", size="f", font="Q")
_block_at, _line_at, _char_at = ((c_char * item.size).from_address for item in (_BLOCK, _LINE, _CHAR))


class Looks(dict[int, tuple[str, str, str, str]]):
    """Name, family, weight and style of a document's fonts, as MuPDF's JSON has them, by their addresses.

    The fonts are kept, so that no other one gets an address of these meanwhile.
    """

    def __init__(self) -> None:
        super().__init__()
        self._kept: list[Any] = []
        self._letter = mupdf.fz_stext_char()  # the bindings take no address: they read it from a letter

    def __missing__(self, address: int) -> tuple[str, str, str, str]:
        if len(self) >= _MAX_LOOKS:
            self.clear()
        c_void_p.from_address(_address(self._letter) + _Char.font.offset).value = address
        font = self._letter.font
        self._kept.append(mupdf.FzFont(mupdf.ll_fz_keep_font(font)))
        name: str = mupdf.ll_fz_font_name(font)
        serif = "serif" if mupdf.ll_fz_font_is_serif(font) else "sans-serif"
        self[address] = look = (
            name if name.isascii() else name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
            "monospace" if mupdf.ll_fz_font_is_monospaced(font) else serif,
            "bold" if mupdf.ll_fz_font_is_bold(font) else "normal",
            "italic" if mupdf.ll_fz_font_is_italic(font) else "normal",
        )
        return look

    def clear(self) -> None:
        """Forget and let go of all."""
        super().clear()
        self._kept.clear()


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
            blocks = _from_memory(stext, looks)
    return _from_json(stext) if blocks is None else blocks


def _from_memory(stext: Any, looks: Looks) -> list[Block] | None:
    """None for a page with something unheard of: a line break for a letter, a run without any, no numbers."""
    blocks: list[Block] = []
    rows: list[tuple[Any, ...]] = []  # of all runs
    spans: list[tuple[Block, int, int]] = []  # which of them are whose
    unpack_block, unpack_line, unpack_char = _BLOCK.unpack_from, _LINE.unpack_from, _CHAR.unpack_from
    at = _address(stext.m_internal.first_block)
    while at:
        kind, x0, y0, x1, y1, inner, at = unpack_block(_block_at(at))
        if kind == _VECTOR:
            flags, argb = inner & 0xFFFFFFFF, inner >> 32
            stroked, rectangle = int(flags & _STROKED > 0), int(flags & _RECTANGLE > 0)
            blocks.append(Block("vector", None, [], stroked, rectangle, argb, (x0, y0, x1, y1)))
            continue
        if not (-_FAR < x0 <= x1 < _FAR and -_FAR < y0 <= y1 < _FAR):
            return None
        if kind == _IMAGE:
            (box,) = _boxes((x0,), (y0,), (x1,), (y1,))
            blocks.append(Block("image", box))
        elif kind == _TEXT:
            first = len(rows)
            while inner:
                line = unpack_line(_line_at(inner))
                if not line[5]:
                    return None
                rows.append(line + unpack_char(_char_at(line[5])))
                inner = line[6]
            block = Block("text")
            spans.append((block, first, len(rows)))
            blocks.append(block)
        else:
            return None
    if rows:
        runs = _runs(stext, rows, spans, looks)
        if runs is None:
            return None
        for block, first, end in spans:
            block.lines = runs[first:end]
    return blocks


def _runs(
    stext: Any, rows: list[tuple[Any, ...]], spans: list[tuple[Block, int, int]], looks: Looks
) -> list[Run] | None:
    wmodes, x0, y0, x1, y1, _, _, colours, bases, sizes, addresses = zip(*rows, strict=True)
    # A line of each run, and an empty one behind each block.
    text = printed(lambda out: mupdf.fz_print_stext_page_as_text(out, stext))
    lines = text.decode("utf-8", "replace").split("\n")
    if len(lines) != len(rows) + len(spans) + 1:
        return None
    texts: list[str] = []
    for number, (_, first, end) in enumerate(spans):
        texts += lines[first + number : end + number]
    keys = list(zip(addresses, sizes, strict=True))
    fonts = _fonts(set(keys), looks)
    return list(
        map(
            Run,
            _boxes(x0, y0, x1, y1),
            map(fonts.__getitem__, keys),
            _scaled(bases),
            texts,
            wmodes,
            colours,
        )
    )


def _boxes(
    x0: Sequence[float], y0: Sequence[float], x1: Sequence[float], y1: Sequence[float]
) -> Iterable[BlockBox]:
    widths, heights = _single(list(map(sub, x1, x0))), _single(list(map(sub, y1, y0)))
    return map(BlockBox, _scaled(x0), _scaled(y0), _scaled(widths), _scaled(heights))


def _scaled(points: Iterable[float]) -> list[int]:
    """In hundredths of a point as MuPDF's JSON has them: computed in single precision, and cut off."""
    return list(map(int, _single([value * SCALE for value in points])))


def _single(values: Sequence[float]) -> Sequence[float]:
    """Rounded to single precision."""
    layout = f"{len(values)}f"
    return unpack(layout, pack(layout, *values))


def _fonts(used: Collection[tuple[int, float]], looks: Looks) -> dict[tuple[int, float], Font]:
    """A font for each address and size."""
    fonts: dict[tuple[int, float], Font] = {}
    for key, size in zip(used, _scaled([size for _, size in used]), strict=True):
        name, family, weight, style = looks[key[0]]
        fonts[key] = Font(name, size, family, weight, style)
    return fonts


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


def _address(wrapped: Any) -> int:
    return 0 if wrapped is None else int(wrapped.this)


@cache
def _is_laid_out_so() -> bool:
    """Whether this MuPDF lays its structures out as it is written here; no pointer is followed unchecked."""
    if ctypes.sizeof(c_void_p) != 8 or sys.byteorder != "little":
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
            return _agrees(stext) and _from_memory(stext, Looks()) == _from_json(stext)
    except FAILURES:
        return False


def _agrees(stext: Any) -> bool:
    """Whether the pointers that stand in memory are those that the bindings follow."""
    kinds: list[int] = []
    node = stext.m_internal.first_block
    while node is not None:
        kinds.append(node.type)
        line = _first_line(node)
        kind, *box, first, following = _BLOCK.unpack_from(_block_at(_address(node)))
        if (kind, tuple(box), following) != (node.type, _box(node), _address(node.next)):
            return False
        if kind == _TEXT and first != _address(line):
            return False
        while line is not None:
            char = line.first_char
            if _LINE.unpack_from(_line_at(_address(line)))[5:] != (_address(char), _address(line.next)):
                return False
            if _CHAR.unpack_from(_char_at(_address(char)))[3] != _address(char.font):
                return False
            line = line.next
        node = node.next
    return kinds.count(_TEXT) > 1 and {_TEXT, _IMAGE, _VECTOR} <= set(kinds)
