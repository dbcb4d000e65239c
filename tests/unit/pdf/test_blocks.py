"""MuPDF's JSON of a page, read into blocks."""

from __future__ import annotations

import pytest

from ingestkit_pdf.pdf.blocks import parse_blocks

RUN = (
    b'{"wmode":0,"bbox":{"x":100,"y":200,"w":300,"h":50,"flags":0},"font":{"name":"F","family":"serif",'
    b'"weight":"bold","style":"normal","size":900},"x":100,"y":240,"text":"%s"}'
)


def _page(text: bytes) -> bytes:
    return b'{"blocks":[{"type":"text","bbox":{"x":0,"y":0,"w":9,"h":9},"lines":[' + RUN % text + b"]}]}"


def test_a_run_keeps_its_place_font_and_text() -> None:
    """Text would stand elsewhere, or in another font, than the page has it."""
    run = parse_blocks(_page(b"word"))[0].lines[0]
    assert (run.text, run.y, run.wmode) == ("word", 240, 0)
    assert (run.bbox.x, run.bbox.y, run.bbox.w, run.bbox.h) == (100, 200, 300, 50)
    assert (run.font.name, run.font.size, run.font.weight) == ("F", 900, "bold")


CURIOUS = {b"a\xffb": "a\ufffdb", b"a\x01b": "a\x01b", b"a\tb": "a\tb", b"\\ud800": "\ud800"}


@pytest.mark.parametrize(("raw", "text"), CURIOUS.items())
def test_text_that_is_neither_json_nor_utf8_is_kept(raw: bytes, text: str) -> None:
    """One broken character would cost the whole page."""
    assert parse_blocks(_page(raw))[0].lines[0].text == text


@pytest.mark.parametrize("data", [b"", b"[]", b'{"blocks":[{"type":1}]}', b'{"blocks":[', b"null"])
def test_what_is_no_page_is_a_value_error(data: bytes) -> None:
    """An exception that nobody expects would end the worker instead of failing the page."""
    with pytest.raises(ValueError, match=r"."):
        parse_blocks(data)
