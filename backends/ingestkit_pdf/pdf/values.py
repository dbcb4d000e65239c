"""What single objects of a PDF say: text, boxes, streams. Nothing in a file need be of the type it should be.

Objects are MuPDF's borrowed pointers, see `objects.py`; call these inside `guarded()`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any

from ingestkit_pdf.models import Box
from ingestkit_pdf.pdf.mupdf import mupdf as _m

__all__ = [
    "PageFrame",
    "ancestors",
    "beyond",
    "descend",
    "inherited",
    "items",
    "lines_of",
    "stream_bytes",
    "text_of",
    "tree_entries",
]

_MAX_DEPTH = 32  # of groups of fields
_MAX_TEXT = 100_000  # characters of a value that are kept
_MAX_ITEMS = 100_000  # of an array that are looked at
_MAX_NODES = 100_000  # of a tree that are visited
_DIGITS = 7  # of a number with a fraction: MuPDF keeps it in single precision
_END = object()


def text_of(obj: Any) -> str | None:
    """A string, a name, a number, or what a stream holds, as text; None for anything else."""
    if not obj:
        return None
    if _m.ll_pdf_is_string(obj):
        text = _decoded(str(_m.ll_pdf_to_text_string(obj)))
    elif _m.ll_pdf_is_name(obj):
        text = _decoded(str(_m.ll_pdf_to_name(obj)))
    elif _m.ll_pdf_is_int(obj):
        text = str(_m.ll_pdf_to_int64(obj))
    elif _m.ll_pdf_is_real(obj):
        text = f"{Decimal(f'{_m.ll_pdf_to_real(obj):.{_DIGITS}g}'):f}"
    elif _m.ll_pdf_is_stream(obj):
        data = stream_bytes(obj, 4 * _MAX_TEXT) or b""
        wide = data.startswith((b"\xfe\xff", b"\xff\xfe"))
        text = data.decode("utf-16" if wide else "utf-8", "replace")
    else:
        return None
    return text[:_MAX_TEXT]


def _decoded(text: str) -> str:
    """Text that MuPDF gave as bytes: what is no UTF-8 (`/M#E4nnlich`) is Latin-1, half a pair is dropped."""
    if text.isascii():
        return text
    data = text.encode("utf-8", "surrogateescape")
    try:
        return data.decode("utf-8", "surrogatepass").encode("utf-8", "ignore").decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def lines_of(obj: Any) -> str | None:
    """Text with its line breaks, without control characters and double spaces; None when blank."""
    text = text_of(obj)
    if not text:
        return None
    lines = ("".join(char if char.isprintable() else " " for char in line) for line in text.splitlines())
    return "\n".join(" ".join(line.split()) for line in lines).strip() or None


def stream_bytes(obj: Any, limit: int) -> bytes | None:
    """What a stream holds, unpacked; None where that is more than `limit` bytes.

    It is unpacked twice, at first into nothing: a stream of a few bytes can hold more than memory does.
    """
    stream = _m.PdfObj(_m.ll_pdf_keep_obj(obj))
    document, number = _m.pdf_get_bound_document(stream), _m.pdf_to_num(stream)
    if _m.fz_skip(_m.pdf_open_stream_number(document, number), limit + 1) > limit:
        return None
    data: bytes = _m.fz_buffer_extract(_m.pdf_load_stream_number(document, number))
    return data


def items(obj: Any) -> Iterator[Any]:
    """The items of an array, but for those `beyond` the first hundred thousand; none where it is no array."""
    if obj and _m.ll_pdf_is_array(obj):
        for index in range(min(_m.ll_pdf_array_len(obj), _MAX_ITEMS)):
            yield _m.ll_pdf_array_get(obj, index)


def beyond(obj: Any) -> int:
    """How many items of an array `items` leaves out."""
    return max(_m.ll_pdf_array_len(obj) - _MAX_ITEMS, 0) if obj and _m.ll_pdf_is_array(obj) else 0


def ancestors(node: Any) -> Iterator[Any]:
    """The node, its parent, and so on; never more than a sane tree is deep."""
    for _ in range(_MAX_DEPTH):
        if not node:
            return
        yield node
        node = _m.ll_pdf_dict_gets(node, "Parent")


def inherited(node: Any, key: str) -> Any:
    """The value of a key, of the node or of the nearest of its parents that has it."""
    for ancestor in ancestors(node):
        value = _m.ll_pdf_dict_gets(ancestor, key)
        if value:
            return value
    return None


def descend(roots: Iterable[Any], children: Callable[[Any], Iterable[Any]]) -> Iterator[Any]:
    """Every node of a tree, each once, from above and the left. Circles are cut.

    Raises:
        ValueError: It has so many nodes that the rest is left out.
    """
    seen: set[int] = set()
    levels = [iter(roots)]
    for _ in range(_MAX_NODES):
        if not levels:
            return
        node = next(levels[-1], _END)
        if node is _END:
            levels.pop()
            continue
        number = _m.ll_pdf_to_num(node) if node else 0
        if not node or number in seen:
            continue
        if number:
            seen.add(number)
        yield node
        if len(levels) < _MAX_DEPTH:
            levels.append(iter(children(node)))
    raise ValueError(f"a tree of more than {_MAX_NODES} nodes")


def tree_entries(root: Any, leaves: str) -> Iterator[tuple[Any, Any]]:
    """Keys and values of a tree of names (`leaves` is then `Names`) or of numbers (`Nums`).

    Broken trees can have the same leaves any number of times: stop at some number of entries.

    Raises:
        ValueError: It is so large that the rest is left out.
    """
    for node in descend([root], lambda node: items(_m.ll_pdf_dict_gets(node, "Kids"))):
        array = _m.ll_pdf_dict_gets(node, leaves)
        entries = items(array)
        yield from zip(entries, entries, strict=False)
        if beyond(array):
            raise ValueError(f"leaves of more than {_MAX_ITEMS} items")


class PageFrame:
    """Turns rectangles of a page's own space into boxes of the page as it is displayed."""

    def __init__(self, page: Any) -> None:
        self._matrix = _m.fz_matrix()
        _m.ll_pdf_page_obj_transform(page, _m.fz_rect(), self._matrix)

    def box(self, rect: Any) -> Box | None:
        """The box of a `/Rect`; None where it is none."""
        if not rect or not _m.ll_pdf_is_array(rect) or _m.ll_pdf_array_len(rect) < 4:
            return None
        found = _m.ll_fz_transform_rect(_m.ll_pdf_to_rect(rect), self._matrix)
        return round(found.x0, 2), round(found.y0, 2), round(found.x1, 2), round(found.y1, 2)
