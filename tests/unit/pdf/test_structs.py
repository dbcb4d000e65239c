"""The blocks of a page, read from MuPDF's memory: the same as its JSON and the bindings give."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from struct import Struct
from typing import Any

import pytest

from ingestkit_pdf.pdf.blocks import Block
from ingestkit_pdf.pdf.mupdf import open_document, page_blocks, structs
from support.made_pdf import picture, prose_page, save
from support.written_pdf import page_pdf

RED, BLUE, INVISIBLE = 0xFFFF0000, 0xFF0000FF, 0


def colourful(document: Any) -> None:
    """Two pages with all that a page may have, in fonts of their own."""
    for fonts in (("hebo", "coit"), ("tiro", "china-s")):
        page = prose_page(document)
        page.insert_image((300, 700, 340, 740), stream=picture())
        page.draw_rect((50, 40, 300, 60), color=(1, 0, 0), fill=(0, 1, 0))
        page.draw_line((50, 70), (300, 90), color=(0, 0, 1))
        page.insert_text((60, 55), "red", color=(1, 0, 0), fontname=fonts[0])
        page.insert_text((160, 55), "blue \u00e9", color=(0, 0, 1), fontname=fonts[1], fontsize=8.3)
        page.insert_text((260, 55), "unseen", render_mode=3)


def blocks_of(path: Path) -> list[list[Block]]:
    """The blocks of each page."""
    with open_document(str(path)) as document:
        return [document.read_page(index).blocks for index in range(document.page_count)]


@contextmanager
def bindings_only() -> Iterator[None]:
    """As where MuPDF's structures are laid out in another way."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page_blocks, "_is_laid_out_so", lambda: False)
        yield


def test_this_mupdf_is_laid_out_so() -> None:
    """Every page would take a third longer, and nobody would know why."""
    assert page_blocks._is_laid_out_so()


def test_memory_and_json_say_the_same(tmp_path: Path) -> None:
    """A page would be another one where MuPDF's structures are laid out in another way."""
    path = save(tmp_path, colourful)
    pages = blocks_of(path)
    assert {block.type for block in pages[0]} == {"text", "image", "vector"}
    with bindings_only():
        assert blocks_of(path) == pages


def test_every_run_has_its_own_colour_and_font(tmp_path: Path) -> None:
    """White text would pass for black, and bold text for plain."""
    for page in blocks_of(save(tmp_path, colourful)):
        found = {run.text: run for block in page for run in block.lines}
        assert [found[text].argb for text in ("red", "blue \u00e9")] == [RED, BLUE]
        assert found["unseen"].argb >> 24 == INVISIBLE
        assert found["red"].font.name != found["blue \u00e9"].font.name
        assert (found["red"].font.size, found["blue \u00e9"].font.size) == (1100, 830)


def test_a_painted_path_has_its_place_and_colour(tmp_path: Path) -> None:
    """The rules of tables would stand elsewhere, or not be seen at all."""
    page = blocks_of(save(tmp_path, colourful))[0]
    fill = next(block for block in page if block.type == "vector" and not block.stroked)
    assert fill.rectangle
    assert fill.argb == 0xFF00FF00
    assert fill.box == pytest.approx((50, 40, 300, 60), abs=0.01)


BILLION = b"1000000000 0 0 1000000000 0 0 cm "
NEAR = b" BT /F 9 Tf 72 600 Td (near) Tj ET"
CURIOUS = {
    "a line break for a letter": page_pdf(
        b"BT /F 12 Tf 72 700 Td /Span << /ActualText (one\\ntwo) >> BDC (one A two) Tj EMC ET" + NEAR
    ),
    "letters too far for a whole number": page_pdf(
        b"BT /F 12 Tf 1 0 0 1 99999999999 700 Tm (far) Tj ET" + NEAR
    ),
    "letters too large": page_pdf(b"q " + BILLION * 3 + b"BT /F 9 Tf 5 5 Td (far) Tj ET Q" + NEAR),
    "letters beyond all numbers": page_pdf(b"q " + BILLION * 5 + b"BT /F 9 Tf 5 5 Td (far) Tj ET Q" + NEAR),
    "paths beyond all numbers": page_pdf(b"q " + BILLION * 5 + b"0 0 1 1 re f Q" + NEAR),
    "nothing": page_pdf(b""),
}


@pytest.mark.parametrize("data", CURIOUS.values(), ids=CURIOUS)
def test_curious_pages_are_read(tmp_path: Path, data: bytes) -> None:
    """A page of this kind would end the worker, or shift the text of all runs behind it."""
    path = tmp_path / "curious.pdf"
    path.write_bytes(data)
    pages = blocks_of(path)
    with bindings_only():
        assert repr(blocks_of(path)) == repr(pages)


def _shifted(reader: Struct) -> Struct:
    """Reads the same fields four bytes further on."""
    return Struct(f"=4x{reader.format[1:]}")


@pytest.mark.parametrize("name", ["_BLOCK", "_LINE", "_CHAR"])
def test_another_layout_is_noticed_and_followed_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Another version of MuPDF would be read as noise, or the first pointer would kill the worker."""
    path = save(tmp_path, colourful)
    pages = blocks_of(path)
    check: Callable[[], bool] = page_blocks._is_laid_out_so.__wrapped__
    reader = _shifted(getattr(structs, name))
    monkeypatch.setattr(structs, name, reader)
    monkeypatch.setattr(
        structs, f"{name.lower()}_at", (structs.c_char * reader.size).from_address, raising=True
    )
    assert not check()
    monkeypatch.setattr(page_blocks, "_is_laid_out_so", check)
    assert blocks_of(path) == pages


def test_fonts_of_a_document_are_let_go_of(tmp_path: Path) -> None:
    """A worker would keep the fonts of every document that it has read."""
    with open_document(str(save(tmp_path, colourful))) as document:
        document.read_page(0)
        assert document._looks
        document.forget()
        assert not document._looks
        assert not document._looks._kept
        document.read_page(1)
    assert not document._looks


def test_a_document_of_many_fonts_keeps_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A document with fonts of its own on each page would grow with its pages."""
    monkeypatch.setattr(structs, "_MAX_LOOKS", 1)
    path = save(tmp_path, colourful)
    with open_document(str(path)) as document:
        pages = [document.read_page(index).blocks for index in range(2)]
        assert len(document._looks) == len(document._looks._kept) == 1
    with bindings_only():
        assert blocks_of(path) == pages
