"""Documents made by the tests, as bytes."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["endless_pdf", "raw_pdf", "text_pdf"]


def raw_pdf(objects: Sequence[bytes]) -> bytes:
    """A PDF of these objects, numbered from 1; the first one is the catalog."""
    out = bytearray(b"%PDF-1.7\n")
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def text_pdf(*texts: str) -> bytes:
    """A PDF with one page of Helvetica for each text."""
    pages = texts or ("A page with a few words on it.",)
    kids = b" ".join(b"%d 0 R" % (4 + 2 * index) for index in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(pages)),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for index, text in enumerate(pages):
        lines = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)").splitlines()
        shown = " ".join(f"({line}) Tj T*" for line in lines)
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R "
            b"/Resources << /Font << /F1 3 0 R >> >> >>" % (5 + 2 * index)
        )
        objects.append(_stream(f"BT /F1 11 Tf 14 TL 72 770 Td {shown} ET".encode("latin-1")))
    return raw_pdf(objects)


def endless_pdf(depth: int = 14, times: int = 12, pages: int = 1) -> bytes:
    """A small PDF each of whose pages takes about for ever: forms that draw forms that draw forms.

    A `depth` of 6 and 15 `times` take some seconds.
    """
    page = (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /XObject << /F 5 0 R >> >> >>"
    )
    more = range(5 + depth, 5 + depth + pages - 1)
    kids = b" ".join(b"%d 0 R" % number for number in (3, *more))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, pages),
        page,
        _stream(b"/F Do"),
    ]
    for level in range(depth):
        inner = b"/Resources << /XObject << /F %d 0 R >> >>" % (6 + level)
        content = b"/F Do " * times if level < depth - 1 else b"0 0 1 1 re f"
        head = b"/Type /XObject /Subtype /Form /BBox [0 0 595 842] " + (inner if level < depth - 1 else b"")
        objects.append(_stream(content, head))
    return raw_pdf([*objects, *(page for _ in more)])


def _stream(content: bytes, head: bytes = b"") -> bytes:
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (head, len(content), content)
