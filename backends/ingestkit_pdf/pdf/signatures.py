"""A signature as the file describes it. Nothing is verified: that needs certificates and whom to trust."""

from __future__ import annotations

from typing import Any

from ingestkit_pdf.models import Box, Signature
from ingestkit_pdf.pdf.metadata import clean_text, iso_date
from ingestkit_pdf.pdf.mupdf import mupdf as _m
from ingestkit_pdf.pdf.values import items, text_of

__all__ = ["read_signature"]

_get = _m.ll_pdf_dict_gets


def read_signature(value: Any, field: str, page: int | None, box: Box | None, file_size: int) -> Signature:
    """Read the dictionary of a signature; call inside `guarded()`."""

    def said(key: str) -> str | None:
        return clean_text(text_of(_get(value, key)))

    return Signature(
        field=field,
        page_number=page,
        box=box,
        signer=said("Name"),
        reason=said("Reason"),
        location=said("Location"),
        contact=said("ContactInfo"),
        time=iso_date(said("M")),
        filter=said("Filter"),
        sub_filter=said("SubFilter"),
        covers_whole_document=_covers(_get(value, "ByteRange"), file_size),
    )


def _covers(byte_range: Any, file_size: int) -> bool | None:
    """Whether the ranges begin and end with the file, and leave out one gap: the signature itself."""
    numbers = [int(_m.ll_pdf_to_int64(item)) for item in items(byte_range)]
    if not numbers:
        return None
    if len(numbers) != 4:
        return False
    first, length, second, rest = numbers
    return first == 0 and 0 < length < second and rest >= 0 and second + rest == file_size
