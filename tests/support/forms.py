"""Forms, annotations, attachments and signatures, written by hand: with what real files get wrong, too."""

from __future__ import annotations

from collections.abc import Sequence

from support.documents import raw_pdf

__all__ = ["annotated_pdf", "embedded_pdf", "form_pdf"]

_PAGE = (
    b"/Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R "
    b"/Resources << /Font << /F1 5 0 R >> >>"
)


def annotated_pdf(
    annotations: Sequence[bytes],
    *,
    catalog: bytes = b"",
    page: bytes = b"",
    text: bytes = b"Some words on the page.",
    more: Sequence[bytes] = (),
) -> bytes:
    """A page with these annotations; they are objects from 6 on, `more` are the objects after them."""
    references = b" ".join(b"%d 0 R" % (6 + index) for index in range(len(annotations)))
    content = b"BT /F1 12 Tf 14 TL 50 700 Td (%s) Tj ET" % text
    return raw_pdf(
        [
            b"<< /Type /Catalog /Pages 2 0 R %s >>" % catalog,
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< %s /Annots [%s] %s >>" % (_PAGE, references, page),
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
            *annotations,
            *more,
        ]
    )


def form_pdf(
    widgets: Sequence[bytes],
    *,
    text: bytes = b"An application.",
    more: Sequence[bytes] = (),
    fields: bytes = b"",
) -> bytes:
    """A form of these widgets, which are fields as well unless they have a parent (objects from 6 on)."""
    own = b" ".join(b"%d 0 R" % (6 + i) for i, widget in enumerate(widgets) if b"/Parent" not in widget)
    return annotated_pdf(
        [
            b"<< /Type /Annot /Subtype /Widget /Rect [%d 600 %d 620] %s >>"
            % (50 + 60 * i, 100 + 60 * i, widget)
            for i, widget in enumerate(widgets)
        ],
        catalog=b"/AcroForm << /Fields [%s %s] >>" % (own, fields),
        text=text,
        more=more,
    )


def embedded_pdf(files: Sequence[tuple[bytes, bytes]], *, catalog: bytes = b"", page: bytes = b"") -> bytes:
    """A document with attached files: pairs of file specification and stream, objects from 6 on."""
    objects: list[bytes] = []
    names = b""
    for index, (specification, stream) in enumerate(files):
        number = 6 + 2 * index
        objects.append(b"<< /Type /Filespec %s /EF << /F %d 0 R >> >>" % (specification, number + 1))
        objects.append(stream)
        names += b"(file %d) %d 0 R " % (index, number)
    names_entry = b"" if b"/Names" in catalog else b"/Names << /EmbeddedFiles << /Names [%s] >> >>" % names
    return annotated_pdf([], catalog=names_entry + catalog, page=page, more=objects)
