"""The sample documents of the demonstration: one of each kind, the same on every run."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path

import pymupdf

from demo.prose import CHAPTERS, paragraph
from demo.typeset import MARGIN, PAGE_HEIGHT, PAGE_WIDTH, Typesetter

__all__ = ["make_samples"]

_DATE = "D:20240102030405Z"
_SCAN_DPI = 150
_HANDBOOK_PARAGRAPHS = 9  # a section; makes some 40 pages

_TIDES = (
    ("Station", "High water", "Low water", "Range (m)"),
    ("North mole", "03:12", "09:40", "3.4"),
    ("Inner basin", "03:20", "09:52", "3.1"),
    ("Fish quay", "03:24", "09:58", "3.0"),
    ("River lock", "03:41", "10:15", "2.6"),
    ("South pier", "03:15", "09:43", "3.3"),
    ("Old dock", "03:30", "10:02", "2.9"),
    ("Ferry ramp", "03:19", "09:49", "3.2"),
    ("Ship yard", "03:36", "10:08", "2.8"),
)


def make_samples(folder: Path) -> list[Path]:
    """Write the sample documents into `folder`, which is made if need be; their paths, in order."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, make in _SAMPLES.items():
        path = folder / f"{name}.pdf"
        path.write_bytes(make())
        paths.append(path)
    return paths


def _saved(document: pymupdf.Document, title: str, **options: object) -> bytes:
    """The document as bytes, without what would differ from run to run."""
    document.set_metadata(
        {
            "title": title,
            "author": "Port Office",
            "creator": "ingestkit-pdf samples",
            "creationDate": _DATE,
            "modDate": _DATE,
        }
    )
    data: bytes = document.tobytes(garbage=3, deflate=True, no_new_id=True, **options)
    document.close()
    return data


def _report() -> pymupdf.Document:
    """Three pages of text under headings."""
    rng = random.Random(11)
    document = pymupdf.open()
    setter = Typesetter(document)
    setter.heading("Annual report of the port office", 1)
    setter.paragraph(paragraph(rng, 6))
    for title, sections in list(CHAPTERS.items())[:2]:
        setter.heading(title, 1)
        setter.paragraph(paragraph(rng, 5))
        for section in sections:
            setter.heading(section, 2)
            setter.paragraph(paragraph(rng, 7))
            setter.paragraph(paragraph(rng, 6))
    return document


def _text() -> bytes:
    return _saved(_report(), "Annual report of the port office")


def _two_columns() -> bytes:
    rng = random.Random(12)
    document = pymupdf.open()
    setter = Typesetter(document, columns=2)
    for title, sections in list(CHAPTERS.items())[2:4]:
        setter.heading(title, 2)
        for _ in sections:
            setter.paragraph(paragraph(rng, 8))
            setter.paragraph(paragraph(rng, 6))
    return _saved(document, "Notes on cargo and weather")


def _table() -> bytes:
    rng = random.Random(13)
    document = pymupdf.open()
    setter = Typesetter(document)
    setter.heading("Tides of the week", 1)
    setter.paragraph(paragraph(rng, 4))
    page, top = setter.page, setter.y + 16
    column, row = (PAGE_WIDTH - 2 * MARGIN) / len(_TIDES[0]), 22.0
    for line, cells in enumerate(_TIDES):
        for position, cell in enumerate(cells):
            left, upper = MARGIN + position * column, top + line * row
            box = pymupdf.Rect(left, upper, left + column, upper + row)
            page.draw_rect(box, width=0.7)
            font = "hebo" if line == 0 else "helv"
            page.insert_text((box.x0 + 6, box.y1 - 7), cell, fontname=font, fontsize=10)
    setter.y = top + len(_TIDES) * row + 16
    setter.paragraph(paragraph(rng, 5))
    return _saved(document, "Tides of the week")


def _form() -> bytes:
    document = pymupdf.open()
    setter = Typesetter(document)
    setter.heading("Request for a berth", 1)
    setter.paragraph("Please fill in every field and hand the form to the port office before arrival.")
    for name, value in (("Vessel", "Albatross"), ("Length in metres", "84"), ("Expected", ""), ("Agent", "")):
        setter.y += 34
        setter.page.insert_text((MARGIN, setter.y), name, fontname="helv", fontsize=11)
        field = pymupdf.Widget()
        field.field_type = pymupdf.PDF_WIDGET_TYPE_TEXT
        field.field_name = name.lower().replace(" ", "_")
        field.field_value = value
        field.text_fontsize = 11
        field.rect = pymupdf.Rect(MARGIN + 130, setter.y - 15, PAGE_WIDTH - MARGIN, setter.y + 6)
        setter.page.add_widget(field)
    return _saved(document, "Request for a berth")


def _scan() -> bytes:
    """Pages that are nothing but a picture of text, slightly askew, as from a scanner."""
    document = pymupdf.open()
    with _report() as source:
        for page in list(source)[:2]:
            matrix = pymupdf.Matrix(_SCAN_DPI / 72, _SCAN_DPI / 72).prerotate(0.4)
            picture = page.get_pixmap(matrix=matrix, colorspace=pymupdf.csGRAY)
            target = document.new_page(width=PAGE_WIDTH, height=PAGE_HEIGHT)
            target.insert_image(target.rect, stream=picture.tobytes("jpeg", jpg_quality=70))
    return _saved(document, "")


def _corrupt() -> bytes:
    """The head of a PDF and then noise, as a broken transfer leaves it: nothing in it can be repaired."""
    return _text()[:16] + random.Random(14).randbytes(6000)


def _encrypted() -> bytes:
    """Cannot be read without its password. Its bytes differ from run to run: encryption starts at random."""
    options = {
        "encryption": pymupdf.PDF_ENCRYPT_AES_256,
        "user_pw": "harbour",
        "owner_pw": "master",
        "permissions": pymupdf.PDF_PERM_PRINT,
    }
    return _saved(_report(), "Annual report of the port office", **options)


def _handbook() -> bytes:
    """Some 40 pages with an outline, running headers and page numbers."""
    rng = random.Random(15)
    document = pymupdf.open()

    def furnish(page: pymupdf.Page, number: int) -> None:
        page.insert_text((MARGIN, 40), "Port Office  ·  Handbook of the harbour", fontname="heit", fontsize=8)
        page.insert_text(
            (PAGE_WIDTH / 2 - 20, PAGE_HEIGHT - 36), f"Page {number}", fontname="helv", fontsize=8
        )

    setter = Typesetter(document, furnish=furnish)
    outline: list[list[object]] = []
    for position, (title, sections) in enumerate(CHAPTERS.items()):
        if position:
            setter.new_page()
        setter.heading(title, 1)
        outline.append([1, title, setter.page_number])
        setter.paragraph(paragraph(rng, 6))
        for section in sections:
            setter.heading(section, 2)
            outline.append([2, section, setter.page_number])
            for _ in range(_HANDBOOK_PARAGRAPHS):
                setter.paragraph(paragraph(rng, 9))
    document.set_toc(outline)
    return _saved(document, "Handbook of the harbour")


_SAMPLES: dict[str, Callable[[], bytes]] = {
    "text": _text,
    "two-columns": _two_columns,
    "table": _table,
    "form": _form,
    "scan": _scan,
    "corrupt": _corrupt,
    "encrypted": _encrypted,
    "handbook": _handbook,
}


if __name__ == "__main__":
    for made in make_samples(Path(sys.argv[1])):
        print(made)
