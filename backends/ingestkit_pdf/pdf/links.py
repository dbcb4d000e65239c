"""Links of a page. MuPDF finds them with the page, so asking for them costs microseconds each."""

from __future__ import annotations

from ingestkit_pdf.models import Box, Link
from ingestkit_pdf.pdf.metadata import clean_text
from ingestkit_pdf.pdf.mupdf import SCALE, Document, PageContent, ParserError, guarded
from ingestkit_pdf.pdf.mupdf import mupdf as _m

__all__ = ["PageLink", "link_result", "read_links"]

PageLink = tuple[Box, str | None]
"""Box and target, as MuPDF has them."""

_MAX_URI = 4096  # characters that are kept

# What the attributes of MuPDF's structures call: twice as fast, and documents have thousands of links.
_rect, _uri, _next = _m.fz_link.rect.fget, _m.fz_link.uri.fget, _m.fz_link.next.fget
_x0, _y0, _x1, _y1 = (getattr(_m.fz_rect, name).fget for name in ("x0", "y0", "x1", "y1"))


def read_links(content: PageContent, *, limit: int) -> list[PageLink]:
    """The links of a page in the order of the file: at most `limit`, and one that tells of more."""
    found: list[PageLink] = []
    try:
        with guarded():
            first = _m.fz_load_links(content.page)  # keeps the others alive
            link = first.m_internal
            while link and len(found) <= limit:
                rect = _rect(link)
                found.append(((_x0(rect), _y0(rect), _x1(rect), _y1(rect)), _uri(link)))
                link = _next(link)
    except ParserError:  # a broken list of annotations: the rest of it cannot be had
        return found
    return found


def link_result(page_number: int, link: PageLink, document: Document) -> Link:
    """A link as part of the result; one inside the document is followed to its page."""
    (x0, y0, x1, y1), uri = link
    box = int(x0 * SCALE) / SCALE, int(y0 * SCALE) / SCALE, int(x1 * SCALE) / SCALE, int(y1 * SCALE) / SCALE
    if uri and uri[0] == "#":
        return Link(page_number=page_number, box=box, target_page=document.target_page(uri))
    return Link(page_number=page_number, box=box, uri=clean_text(uri[:_MAX_URI]) if uri else None)
