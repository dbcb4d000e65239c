"""Files inside the document: listed with size and digest, unpacked into nothing but their digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import PurePosixPath
from typing import Any

from ingestkit_pdf.models import Attachment
from ingestkit_pdf.pdf.metadata import clean_text, iso_date
from ingestkit_pdf.pdf.mupdf import Document, ParserError, guarded
from ingestkit_pdf.pdf.mupdf import mupdf as _m
from ingestkit_pdf.pdf.objects import ObjectScan
from ingestkit_pdf.pdf.values import items, stream_bytes, text_of, tree_entries

__all__ = ["Attachments", "read_attachments"]

_MAX_FOUND = 100_000  # files that are looked for; more are counted as left out
_UNNAMED = "unnamed"
_NAMES = ("UF", "F", "Unix", "DOS", "Mac")  # keys of a name, and of the file itself, the best first

_Specification = tuple[int | None, str | None, Any]
"""Page, name in the catalog, and file specification."""

_Content = tuple[int | None, str | None]
"""Size in bytes and SHA-256; of a file that was not unpacked neither."""

_get = _m.ll_pdf_dict_gets


@dataclass(slots=True)
class Attachments:
    """What was found, and how many were left out: beyond the limit, or broken."""

    found: list[Attachment] = field(default_factory=list)
    left_out: int = 0


def read_attachments(document: Document, scan: ObjectScan, *, limit: int, read_bytes: int) -> Attachments:
    """List the files of the catalog, those that the document is associated with, and those pinned to pages.

    A file that has several names is listed with each of them.

    Args:
        document: The document.
        scan: Says which pages have annotations.
        limit: More files are not listed.
        read_bytes: Unpacked bytes of all files that are read for their digests; a file that does not fit into
            what is left is listed without.
    """
    attachments = Attachments()
    seen: set[tuple[int, str]] = set()
    read: dict[int, _Content] = {}
    specifications, attachments.left_out = _specifications(document, scan)
    for page, name, specification in specifications:
        if len(attachments.found) >= limit:
            attachments.left_out += 1
            continue
        try:
            with guarded():
                file = _embedded(specification)
                number = _m.ll_pdf_to_num(file) if file else 0
                given = _name(specification, name)
                if not file or (number, given) in seen:
                    continue
                seen.add((number, given))
                if number not in read:
                    read[number] = _content(file, read_bytes)
                    read_bytes -= read[number][0] or 0
                attachments.found.append(_described(specification, file, given, page, read[number]))
        except ParserError:
            attachments.left_out += 1
    return attachments


def _specifications(document: Document, scan: ObjectScan) -> tuple[list[_Specification], int]:
    """Everything that is attached, and how many lists are broken, or longer than what is looked at."""
    found: list[_Specification] = []
    left_out = 0
    for specifications in (_of_catalog(document), _associated(document), _of_pages(document, scan)):
        try:
            with guarded():
                found.extend(islice(specifications, _MAX_FOUND))
                left_out += next(specifications, None) is not None
        except ParserError:
            left_out += 1
    return found, left_out


def _of_catalog(document: Document) -> Iterator[_Specification]:
    names = _get(_get(_m.ll_pdf_trailer(document.pdf.m_internal), "Root"), "Names")
    for key, value in tree_entries(_get(names, "EmbeddedFiles"), "Names"):
        yield None, text_of(key), value


def _associated(document: Document) -> Iterator[_Specification]:
    for value in items(_get(_get(_m.ll_pdf_trailer(document.pdf.m_internal), "Root"), "AF")):
        yield None, None, value


def _of_pages(document: Document, scan: ObjectScan) -> Iterator[_Specification]:
    for number in sorted(scan.marked_pages) if scan.attachments else ():
        with suppress(ParserError), guarded():
            page = _m.ll_pdf_lookup_page_obj(document.pdf.m_internal, number - 1)
            for node in items(_get(page, "Annots")):
                if _m.ll_pdf_to_name(_get(node, "Subtype")) == "FileAttachment":
                    yield number, None, _get(node, "FS")


def _embedded(specification: Any) -> Any:
    """The stream of a file specification; None where it only names a file elsewhere."""
    files = _get(specification, "EF")
    for key in _NAMES:
        stream = _get(files, key)
        if stream and _m.ll_pdf_is_stream(stream):
            return stream
    return None


def _name(specification: Any, name: str | None) -> str:
    """The name of a file, else the one that the catalog has it under."""
    names = (text_of(_get(specification, key)) for key in _NAMES)
    return _base_name(next(filter(None, names), name))


def _content(file: Any, room: int) -> _Content:
    with suppress(ParserError), guarded():
        data = stream_bytes(file, room)
        if data is not None:
            return len(data), hashlib.sha256(data).hexdigest()
    return None, None


def _described(specification: Any, file: Any, name: str, page: int | None, content: _Content) -> Attachment:
    parameters = _get(file, "Params")
    return Attachment(
        name=name,
        size_bytes=content[0],
        sha256=content[1],
        description=clean_text(text_of(_get(specification, "Desc"))),
        mime_type=clean_text(text_of(_get(file, "Subtype"))),
        created=iso_date(text_of(_get(parameters, "CreationDate"))),
        modified=iso_date(text_of(_get(parameters, "ModDate"))),
        page_number=page,
    )


def _base_name(given: str | None) -> str:
    """The name without its folders, so that whoever stores the file stays where it means to."""
    name = PurePosixPath((clean_text(given) or _UNNAMED).replace("\\", "/")).name
    return name if name.strip(".") else _UNNAMED
