"""MuPDF's structured text page as it lies in memory, laid out as `mupdf/fitz/structured-text.h` says.

PyMuPDF ships that file. Through the bindings each pointer that is followed takes a microsecond, because they
wrap what they return. `page_blocks.py` sees to it that nothing is read here before the layout was checked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from ctypes import Structure, c_char, c_float, c_int, c_uint8, c_uint16, c_uint32, c_void_p
from operator import sub
from struct import Struct, pack, unpack
from typing import Any

from ingestkit_pdf.pdf.blocks import Block, BlockBox, Font, Run

from .binding import SCALE, mupdf, printed

__all__ = ["Looks", "address_of", "block_at", "blocks_in_memory", "char_at", "line_at"]

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


def block_at(address: int) -> tuple[Any, ...]:
    """Type, x0, y0, x1, y1, address of its first line and of the next block."""
    return _BLOCK.unpack_from(_block_at(address))


def line_at(address: int) -> tuple[Any, ...]:
    """`wmode`, x0, y0, x1, y1, address of its first letter and of the next line."""
    return _LINE.unpack_from(_line_at(address))


def char_at(address: int) -> tuple[Any, ...]:
    """Colour, baseline, size and address of the font of a letter."""
    return _CHAR.unpack_from(_char_at(address))


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
        c_void_p.from_address(address_of(self._letter) + _Char.font.offset).value = address
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


def blocks_in_memory(stext: Any, looks: Looks) -> list[Block] | None:
    """The blocks of a page; None where memory alone does not tell them.

    That is where a letter is a line break, a run has none, or a box is beyond all numbers.

    Raises:
        OverflowError, ValueError: Something else is no number.
    """
    blocks: list[Block] = []
    rows: list[tuple[Any, ...]] = []  # of all runs
    spans: list[tuple[Block, int, int]] = []  # which of them are whose
    unpack_block, unpack_line, unpack_char = _BLOCK.unpack_from, _LINE.unpack_from, _CHAR.unpack_from
    at = address_of(stext.m_internal.first_block)
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


def address_of(wrapped: Any) -> int:
    """Where what the bindings have wrapped lies; 0 for nothing."""
    return 0 if wrapped is None else int(wrapped.this)
