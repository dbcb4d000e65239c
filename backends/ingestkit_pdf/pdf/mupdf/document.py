"""A document, its pages and raw objects."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from ingestkit_pdf.pdf.letters import needs_letters, put_right

from .binding import (
    FAILURES,
    OutOfMemoryError,
    ParserError,
    guarded,
    message_count,
    mupdf,
    pymupdf,
    translate,
)
from .page import PageContent
from .page_blocks import read_blocks
from .structs import Looks

__all__ = ["Document", "open_document"]

_STEXT_FLAGS = (
    mupdf.FZ_STEXT_PRESERVE_IMAGES  # boxes of images, free: they are not decoded
    | mupdf.FZ_STEXT_PRESERVE_SPANS  # one entry for each run of one font
    | mupdf.FZ_STEXT_PRESERVE_LIGATURES  # taken apart by us: MuPDF turns Arabic ones around
    | mupdf.FZ_STEXT_COLLECT_VECTORS  # boxes of what is drawn, for tables: 0.1 ms a page
)
# Left out on purpose: PRESERVE_WHITESPACE (MuPDF writes every kind of space as a space),
# USE_CID_FOR_UNKNOWN_UNICODE (a glyph without meaning becomes U+FFFD, which can be counted, instead of a
# letter that looks right), MEDIABOX_CLIP (text beside the page is reported) and CLIP (it takes every space
# at the end of a line for clipped, wherever there is a clip; they tell that the line goes on).

_STORE_PAGES = 100
"""Pages (and documents) after which MuPDF's store is emptied."""


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
        self._looks = Looks()

    def __enter__(self) -> Document:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; MuPDF lets go of what it kept of it."""
        self.pdf = None
        self._looks.clear()
        if not self.handle.is_closed:
            self.handle.close()
        _store.account(self._pages_read)
        self._pages_read = 0

    def forget(self) -> None:
        """Let go of what MuPDF keeps of pages that were read: fonts, images, objects. They are read again."""
        self._looks.clear()
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
            except FAILURES:
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
        except FAILURES:
            return False

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
        except FAILURES as error:
            page = mupdf.pdf_lookup_page_obj(self.pdf, index)
            annotations = mupdf.pdf_dict_gets(page, "Annots")
            if isinstance(translate(error), OutOfMemoryError) or not annotations.m_internal:
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
            before = message_count()
            page = self._load_page(index)
            bounds = mupdf.fz_bound_page(page)
            cookie = mupdf.FzCookie()
            stext = mupdf.FzStextPage(page, self._options, cookie)
            rotate = mupdf.pdf_dict_get_inheritable(
                mupdf.pdf_lookup_page_obj(self.pdf, index), mupdf.PDF_ENUM_NAME_Rotate
            )
            content = PageContent(
                width=bounds.x1 - bounds.x0,
                height=bounds.y1 - bounds.y0,
                rotation=mupdf.pdf_to_int(rotate) % 360,
                blocks=read_blocks(stext, self._looks),
                errors=cookie.m_internal.errors,
                messages=message_count() - before,
                stext=stext,
                page=page,
                source=(self.handle, index),
            )
            if needs_letters(content.blocks):
                put_right(content.blocks, content.letters())
            return content
