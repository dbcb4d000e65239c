"""The one door to PyMuPDF: its import, its set-up, documents, pages and raw PDF objects.

PyMuPDF 2 loads an ONNX layout model with its import (1 s, 60 MiB, six threads); the text-native path has
no use for it, so `pymupdf.layout` is blocked while it is imported; who wants it imports it afterwards.

One page is interpreted once, into a structured text page (stext). MuPDF prints that as JSON, HTML or XML
in C; reading its JSON (`blocks.py`) is faster than having PyMuPDF build a dictionary for every span
(`benchmarks/pages.py`), and gives the same text, boxes, fonts and images.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from ingestkit_pdf.pdf.blocks import Block, Element, read_blocks, read_elements
from ingestkit_pdf.pdf.letters import needs_letters, put_right

_LAYOUT = "pymupdf.layout"
_blocked = "pymupdf" not in sys.modules and _LAYOUT not in sys.modules
if _blocked:
    sys.modules[_LAYOUT] = None  # type: ignore[assignment] # makes its import fail

import pymupdf  # noqa: E402
from pymupdf import extra, mupdf, utils  # noqa: E402

if _blocked:
    del sys.modules[_LAYOUT]

__all__ = [
    "SCALE",
    "Document",
    "OutOfMemoryError",
    "PageContent",
    "ParserError",
    "guarded",
    "load_layout_model",
    "mupdf",
    "open_document",
    "take_messages",
]

SCALE = 100
"""MuPDF's JSON has whole numbers: boxes and font sizes are in hundredths of a point."""

_STEXT_FLAGS = (
    mupdf.FZ_STEXT_PRESERVE_IMAGES  # boxes of images, free: they are not decoded
    | mupdf.FZ_STEXT_PRESERVE_SPANS  # one entry for each run of one font
    | mupdf.FZ_STEXT_PRESERVE_LIGATURES  # taken apart by us: MuPDF turns Arabic ones around
    | mupdf.FZ_STEXT_COLLECT_VECTORS  # boxes of what is drawn, for tables: 0.1 ms a page
)
# Left out on purpose: PRESERVE_WHITESPACE (MuPDF writes every kind of space as a space),
# USE_CID_FOR_UNKNOWN_UNICODE (a glyph without meaning becomes U+FFFD, which can be counted, instead of a
# letter that looks right) and MEDIABOX_CLIP (text beside the page is reported).

_TAGGED_FLAGS = (
    mupdf.FZ_STEXT_PRESERVE_SPANS | mupdf.FZ_STEXT_PRESERVE_LIGATURES | mupdf.FZ_STEXT_COLLECT_STRUCTURE
)

_STORE_PAGES = 100
"""Pages (and documents) after which MuPDF's store is emptied."""

_NEARLY_WHITE = 0.94
_MIN_GROUND = 4  # points; less is a rule, not a ground for text
_MAX_GROUNDS = 2000  # drawings of tens of thousands of areas exist

_MAX_MESSAGES = 10_000  # of a page; a broken one can have any number
_REPEATED = re.compile(r"\.\.\. repeated \d+ times")

pymupdf.TOOLS.mupdf_display_errors(False)
pymupdf.TOOLS.mupdf_display_warnings(False)


class ParserError(Exception):
    """MuPDF could not do what was asked of it; the message is MuPDF's own."""


class OutOfMemoryError(Exception):
    """MuPDF was refused memory by the address-space limit of this process."""


# MuPDF's own exceptions, Python's for a wrong type or value (a broken document reaches PyMuPDF's Python
# code in many ways) and bare RuntimeErrors.
_FAILURES = (
    mupdf.FzErrorBase,
    RuntimeError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OSError,
)


def _translate(error: Exception) -> Exception:
    text = str(error)
    if isinstance(error, mupdf.FzErrorSystem) and "alloc" in text:
        return OutOfMemoryError(text)
    return ParserError(text)


@contextmanager
def guarded() -> Iterator[None]:
    """Turn what MuPDF raises into `ParserError` or `OutOfMemoryError`."""
    try:
        yield
    except _FAILURES as error:
        raise _translate(error) from error


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
        images = [node for block, node in self._nodes() if block.type == "image"]
        try:
            for node in images:
                node.type = mupdf.FZ_STEXT_BLOCK_VECTOR
            return _printed(lambda out: mupdf.fz_print_stext_page_as_html(out, self.stext, 0))
        finally:
            for node in images:
                node.type = mupdf.FZ_STEXT_BLOCK_IMAGE

    def xml(self) -> bytes:
        """The text as XML, a `<char>` with colour, opacity and flags for every character."""
        return _xml(self.stext)

    def elements(self) -> list[Element]:
        """The text once more, in the elements of the document's own structure, in their order."""
        with guarded():
            stext = mupdf.FzStextPage(self.page, mupdf.FzStextOptions(_TAGGED_FLAGS), mupdf.FzCookie())
            data = _printed(lambda out: mupdf.fz_print_stext_page_as_json(out, stext, SCALE))
            elements = read_elements(data)
        if needs_letters(data, _leaves(elements)):
            put_right(_leaves(elements), _xml(stext))
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
            for block, node in self._nodes():
                if block.type == "vector":
                    box = node.bbox
                    is_white = block.argb & 0xFFFFFF == 0xFFFFFF
                    found.append((box.x0, box.y0, box.x1, box.y1, bool(block.stroked), is_white))
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


def _printed(write: Callable[[Any], None]) -> bytes:
    with guarded():
        buffer = mupdf.fz_new_buffer(65536)
        out = mupdf.FzOutput(buffer)
        write(out)
        out.fz_close_output()
        data: bytes = mupdf.fz_buffer_extract(buffer)
        return data


def _xml(stext: Any) -> bytes:
    flags = mupdf.FZ_STEXT_XML_FLAGS_CHARS
    return _printed(lambda out: mupdf.fz_print_stext_page_as_xml_with_flags(out, stext, 0, flags))


def _leaves(elements: list[Element]) -> Iterator[Element]:
    for element in elements:
        yield element
        yield from _leaves(element.contents)


def load_layout_model() -> None:
    """Load PyMuPDF 2's layout model into this process, once: a second, 60 MiB.

    Raises:
        ImportError: It is not installed.
    """
    importlib.import_module(_LAYOUT)


def open_document(source: bytes | memoryview | str) -> Document:
    """Open a document from its bytes, or from a path.

    Raises:
        ParserError: It cannot be opened.
        OutOfMemoryError: MuPDF was refused memory.
    """
    with guarded():
        if not isinstance(source, str):
            return Document(pymupdf.open(stream=source, filetype="pdf"))
        return Document(pymupdf.open(source, filetype="pdf"))


class _Store:
    """MuPDF's store: a cache of the process, emptied now and then so that a worker does not grow.

    Not with every document: it also has the colour conversions, and a document of one page takes 1.2 ms with
    them and 4.5 ms without.
    """

    def __init__(self) -> None:
        self._pages = 0

    def account(self, pages: int) -> None:
        """A document of which so many pages were read has been closed."""
        self._pages += pages + 1
        if self._pages > _STORE_PAGES:
            pymupdf.TOOLS.store_shrink(100)
            self._pages = 0


_store = _Store()


class Document:
    """An open document. Close it, or use it as a context manager; one thread at a time.

    Any method raises `ParserError` where MuPDF fails, and `OutOfMemoryError` where it is refused memory.
    """

    def __init__(self, handle: Any) -> None:
        self.handle = handle
        self.pdf: Any = mupdf.pdf_document_from_fz_document(handle.this) if handle.is_pdf else None
        self._options = mupdf.FzStextOptions(_STEXT_FLAGS)
        self._pages_read = 0
        self._targets: dict[str, int | None] = {}

    def __enter__(self) -> Document:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; MuPDF lets go of what it kept of it."""
        self.pdf = None
        if not self.handle.is_closed:
            self.handle.close()
        _store.account(self._pages_read)
        self._pages_read = 0

    def forget(self) -> None:
        """Let go of what MuPDF keeps of pages that were read: fonts, images, objects. They are read again."""
        pymupdf.TOOLS.store_shrink(100)
        with suppress(ParserError), guarded():
            mupdf.pdf_clear_xref(self.pdf)

    @property
    def is_pdf(self) -> bool:
        """False for the images, e-books and office files that MuPDF opens as well."""
        return self.pdf is not None

    @property
    def needs_password(self) -> bool:
        """True when nothing can be read without a password."""
        with guarded():
            return bool(self.handle.needs_pass)

    @property
    def page_count(self) -> int:
        """Pages as the page tree counts them."""
        with guarded():
            return int(mupdf.pdf_count_pages(self.pdf))

    @property
    def object_count(self) -> int:
        """Entries of the cross-reference table."""
        with guarded():
            return int(mupdf.pdf_xref_len(self.pdf))

    @property
    def is_repaired(self) -> bool:
        """True when MuPDF had to rebuild the cross-reference table; it may find out late."""
        with guarded():
            return bool(mupdf.pdf_was_repaired(self.pdf))

    def unlock(self, password: str) -> bool:
        """Whether `password`, the user's or the owner's, opens the document; ask before anything is read."""
        with guarded():
            return bool(self.handle.authenticate(password))

    def target_page(self, uri: str) -> int | None:
        """The page (from 1) that a link inside the document leads to; None where it leads nowhere."""
        if uri not in self._targets:
            try:
                target = mupdf.ll_pdf_resolve_link_dest(self.pdf.m_internal, uri)  # keeps `loc` alive
                page = target.loc.page
            except _FAILURES:
                page = -1
            self._targets[uri] = page + 1 if 0 <= page < self.page_count else None
        return self._targets[uri]

    @property
    def is_tagged(self) -> bool:
        """True when the document says that its content is marked with its structure, and has one."""
        try:
            root = mupdf.pdf_dict_gets(mupdf.pdf_trailer(self.pdf), "Root")
            marked = mupdf.pdf_dict_gets(mupdf.pdf_dict_gets(root, "MarkInfo"), "Marked")
            tree = mupdf.pdf_dict_gets(root, "StructTreeRoot")
            return bool(mupdf.pdf_to_bool(marked)) and bool(mupdf.pdf_is_dict(tree))
        except _FAILURES:
            return False

    def page_labels(self) -> list[str]:
        """The label of every page (`iv`, `A-1`); an empty list where the document gives none."""
        with guarded():
            rules = self.handle._get_page_labels()  # what Page.get_label() reads anew for every page
            rules.sort()
            if not rules:
                return []
            return [str(utils.get_label_pno(index, rules)) for index in range(self.page_count)]

    def is_content_missing(self, index: int) -> bool:
        """True when page `index` names a content that is not in the file (it was cut off, or is damaged)."""
        with guarded():
            page = mupdf.pdf_lookup_page_obj(self.pdf, index)
            for position in range(mupdf.pdf_dict_len(page)):
                if mupdf.pdf_to_name(mupdf.pdf_dict_get_key(page, position)) == "Contents":
                    content = mupdf.pdf_dict_get_val(page, position)
                    parts = [content]
                    if mupdf.pdf_is_array(content):
                        parts = [mupdf.pdf_array_get(content, i) for i in range(mupdf.pdf_array_len(content))]
                    return bool(parts) and not any(mupdf.pdf_is_stream(part) for part in parts)
            return False

    def has_complaints(self, index: int) -> bool:
        """True when page `index` (from 0) is never read without a message, whatever was read before."""
        pymupdf.TOOLS.store_shrink(100)  # else what was loaded with one is silent now
        mupdf.fz_flush_warnings()  # else one that comes again is only counted
        return self.read_page(index).messages > 0

    def _load_page(self, index: int) -> Any:
        """A page; one whose annotations are broken without them, for MuPDF refuses it as a whole."""
        try:
            return mupdf.fz_load_page(self.handle.this, index)
        except _FAILURES as error:
            page = mupdf.pdf_lookup_page_obj(self.pdf, index)
            annotations = mupdf.pdf_dict_gets(page, "Annots")
            if isinstance(_translate(error), OutOfMemoryError) or not annotations.m_internal:
                raise
            mupdf.pdf_dict_dels(page, "Annots")
            try:
                return mupdf.fz_load_page(self.handle.this, index)
            finally:
                mupdf.pdf_dict_puts(page, "Annots", annotations)

    def read_page(self, index: int) -> PageContent:
        """Interpret page `index` (from 0), once."""
        self._pages_read += 1
        with guarded():
            before = len(pymupdf.JM_mupdf_warnings_store)
            page = self._load_page(index)
            bounds = mupdf.fz_bound_page(page)
            cookie = mupdf.FzCookie()
            stext = mupdf.FzStextPage(page, self._options, cookie)
            data = _printed(lambda out: mupdf.fz_print_stext_page_as_json(out, stext, SCALE))
            rotate = mupdf.pdf_dict_get_inheritable(
                mupdf.pdf_lookup_page_obj(self.pdf, index), mupdf.PDF_ENUM_NAME_Rotate
            )
            content = PageContent(
                width=bounds.x1 - bounds.x0,
                height=bounds.y1 - bounds.y0,
                rotation=mupdf.pdf_to_int(rotate) % 360,
                blocks=read_blocks(data),
                errors=cookie.m_internal.errors,
                messages=len(pymupdf.JM_mupdf_warnings_store) - before,
                stext=stext,
                page=page,
                source=(self.handle, index),
            )
            if needs_letters(data, content.blocks):
                put_right(content.blocks, content.xml())
            return content


def take_messages() -> set[bytes]:
    """What MuPDF has had to say since the last call, each message once; forgets it.

    As digests: messages can quote the document. How often each came is not told, because what is said once
    when a font is loaded is said again when it is loaded again.
    """
    mupdf.fz_flush_warnings()
    store = pymupdf.JM_mupdf_warnings_store
    if not store:
        return set()
    found = {
        blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()
        for text in set(store[:_MAX_MESSAGES])
        if not _REPEATED.match(text)
    }
    store.clear()
    return found
