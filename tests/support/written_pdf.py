"""Pages written by hand: what PyMuPDF does not draw, with fonts, vertical writing and tags as wanted."""

from __future__ import annotations

from collections.abc import Sequence

from support.documents import raw_pdf

__all__ = ["Element", "mapped_pdf", "page_pdf", "tagged_pdf", "vertical_pdf"]

_HELVETICA = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"

Element = tuple[str, list[tuple[float, float, str]]]
"""The type of an element of structure, and its lines: x, y from the bottom, text."""


def page_pdf(
    content: bytes,
    *more: bytes,
    font: bytes = _HELVETICA,
    size: tuple[int, int] = (595, 842),
    catalog: bytes = b"",
    page: bytes = b"",
) -> bytes:
    """A page with this content and the font F; `more` are objects from 6 on."""
    return raw_pdf(
        [
            b"<< /Type /Catalog /Pages 2 0 R %s >>" % catalog,
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Contents 4 0 R "
            b"/Resources << /Font << /F 5 0 R >> >> %s >>" % (*size, page),
            _stream(content),
            font,
            *more,
        ]
    )


def mapped_pdf(content: bytes, mapping: bytes, size: tuple[int, int] = (595, 842)) -> bytes:
    """A page whose font says that its codes mean something else: `1 beginbfchar <41> <0644> endbfchar`."""
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 6 0 R >>"
    cmap = b"1 begincodespacerange <00> <ff> endcodespacerange " + mapping
    return page_pdf(content, _stream(cmap), font=font, size=size)


def vertical_pdf(columns: Sequence[tuple[float, str]], top: float = 780, size: int = 12) -> bytes:
    """A page with columns of Japanese, each at its x, written from the top down."""
    content = "".join(
        f"BT /F {size} Tf 1 0 0 1 {x} {top} Tm <{text.encode('utf-16-be').hex()}> Tj ET\n"
        for x, text in columns
    )
    font = (
        b"<< /Type /Font /Subtype /Type0 /BaseFont /HeiseiMin-W3 /Encoding /UniJIS-UTF16-V "
        b"/DescendantFonts [6 0 R] >>"
    )
    descendant = (
        b"<< /Type /Font /Subtype /CIDFontType0 /BaseFont /HeiseiMin-W3 /FontDescriptor 7 0 R "
        b"/CIDSystemInfo << /Registry (Adobe) /Ordering (Japan1) /Supplement 2 >> >>"
    )
    descriptor = (
        b"<< /Type /FontDescriptor /FontName /HeiseiMin-W3 /Flags 4 /FontBBox [-123 -257 1001 910] "
        b"/ItalicAngle 0 /Ascent 723 /Descent -241 /CapHeight 709 /StemV 69 >>"
    )
    return page_pdf(content.encode(), descendant, descriptor, font=font)


def tagged_pdf(
    elements: Sequence[Element],
    *,
    order: Sequence[int] | None = None,
    size: int = 11,
    marked: bool = True,
    roles: str = "",
    depth: int = 0,
) -> bytes:
    """A tagged page: elements drawn in the order in which they are given.

    Args:
        elements: Of the page. The type `Artifact` is drawn outside of the structure.
        order: The order of the elements in the structure; by default the same.
        size: Of the type.
        marked: The document says that it is tagged.
        roles: What types of its own stand for, `/Own /H1`.
        depth: So many elements, each inside the other, are around all but the first.
    """
    drawn, tagged = [], []
    for tag, lines in elements:
        shown = "".join(f"BT /F {size} Tf {x} {y} Td ({text}) Tj ET\n" for x, y, text in lines)
        if tag == "Artifact":
            drawn.append(f"/Artifact BMC\n{shown}EMC\n")
        else:
            drawn.append(f"/{tag} << /MCID {len(tagged)} >> BDC\n{shown}EMC\n")
            tagged.append(tag)
    numbers = list(range(len(tagged))) if order is None else list(order)
    kids = " ".join(f"{9 + number} 0 R" for number in numbers)
    parents = " ".join(f"{9 + number} 0 R" for number in range(len(tagged)))
    outermost = 9 + len(tagged)
    around = [
        f"<< /Type /StructElem /S /Div /P {number - 1 if level else 8} 0 R /K [{number + 1} 0 R] >>"
        for level, number in enumerate(range(outermost, outermost + depth))
    ]
    if around:
        first, _, rest = kids.partition("R ")
        kids = f"{first}R {outermost} 0 R"
        around[-1] = around[-1].replace(f"[{outermost + depth} 0 R]", f"[{rest}]")
    more = [
        f"<< /Type /StructTreeRoot /K 8 0 R /ParentTree 7 0 R /RoleMap << {roles} >> >>",
        f"<< /Nums [0 [{parents}]] >>",
        f"<< /Type /StructElem /S /Document /P 6 0 R /K [{kids}] >>",
        *(
            f"<< /Type /StructElem /S /{tag} /P {outermost + depth - 1 if depth and number else 8} 0 R "
            f"/Pg 3 0 R /K {number} >>"
            for number, tag in enumerate(tagged)
        ),
        *around,
    ]
    mark = b"true" if marked else b"false"
    return page_pdf(
        "".join(drawn).encode(),
        *(body.encode() for body in more),
        catalog=b"/MarkInfo << /Marked %s >> /StructTreeRoot 6 0 R" % mark,
        page=b"/StructParents 0",
    )


def _stream(content: bytes) -> bytes:
    return b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content)
