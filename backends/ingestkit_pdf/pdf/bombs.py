"""Decompression bombs: streams that inflate beyond any use, found before they are read.

Deflate inflates at most 1,032 times (https://www.zlib.net/zlib_tech.html), so a stream can only be a bomb
when it is large itself or deflated more than once. Only those are inflated on trial: in C, piece by piece,
kept nowhere, and no further than the limit.
"""

from __future__ import annotations

from typing import Any

from ingestkit_pdf.pdf.mupdf import Document, OutOfMemoryError, ParserError, guarded
from ingestkit_pdf.pdf.mupdf import mupdf as _m

__all__ = ["MAX_STREAM_BYTES", "find_bomb", "page_is_bomb"]

MAX_STREAM_BYTES = 256 * 2**20
"""The content of one page is never this long in a real document; the largest in 2,600 pages is 5 MB."""

_MAX_RATIO = 1032  # to one: deflate packs no more
_UNPACKERS = frozenset({"FlateDecode", "Fl", "LZWDecode", "LZW", "RunLengthDecode", "RL", "BrotliDecode"})


def page_is_bomb(document: Document, index: int) -> bool:
    """True when the content of page `index` (from 0) is longer than `MAX_STREAM_BYTES` unpacked."""
    with guarded():
        page = _m.pdf_lookup_page_obj(document.pdf, index)
        contents = _m.pdf_dict_gets(page, "Contents")
        if not _m.pdf_is_array(contents):
            return _is_bomb(contents)
        return any(_is_bomb(_m.pdf_array_get(contents, item)) for item in range(_m.pdf_array_len(contents)))


def find_bomb(document: Document) -> int | None:
    """Number of the first stream object that is a bomb. For after a failure: it looks at every stream."""
    for number in range(1, document.object_count):
        try:
            with guarded():
                found = _is_bomb(_m.pdf_load_object(document.pdf, number), number)
        except (ParserError, OutOfMemoryError):
            continue
        if found:
            return number
    return None


def _is_bomb(stream: Any, number: int = 0) -> bool:
    if not _m.pdf_is_stream(stream):
        return False
    filters = _m.pdf_dict_gets(stream, "Filter")
    count = _m.pdf_array_len(filters) if _m.pdf_is_array(filters) else 1
    names = [_m.pdf_to_name(_m.pdf_array_get(filters, i)) for i in range(count)] if count != 1 else []
    unpackers = sum(name in _UNPACKERS for name in names) if names else 1
    length = _m.pdf_to_int(_m.pdf_dict_gets(stream, "Length"))
    if unpackers < 2 and length * _MAX_RATIO <= MAX_STREAM_BYTES:
        return False
    opened = _m.pdf_open_stream_number(_m.pdf_get_bound_document(stream), number or _m.pdf_to_num(stream))
    return bool(_m.fz_skip(opened, MAX_STREAM_BYTES + 1) > MAX_STREAM_BYTES)
