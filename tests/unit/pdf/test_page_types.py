"""Each page says what it is and what of it was not read; nothing is silently empty."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingestkit_pdf.models import PageStatus, PageType, PDFType
from ingestkit_pdf.pdf.classify import image_coverage
from support.made_pdf import PROSE, only_page, picture, prose_page, run, save
from support.written_pdf import mapped_pdf

import pymupdf  # isort: skip


def test_prose_is_a_text_page(tmp_path: Path) -> None:
    """An ordinary page would carry a warning or a wrong type."""
    result = run(save(tmp_path, prose_page))
    page = only_page(result)
    assert (page.page_type, page.status, page.warnings) == (PageType.TEXT, PageStatus.OK, [])
    assert result.classification.pdf_type is PDFType.TEXT_NATIVE
    assert page.quality.grade == "high"
    assert page.font_count == 1
    assert (page.width, page.height) == (595.0, 842.0)


def test_a_blank_page_is_skipped_as_blank(tmp_path: Path) -> None:
    """A blank page would be indistinguishable from one that could not be read."""
    page = only_page(run(save(tmp_path, lambda doc: doc.new_page())))
    assert (page.page_type, page.status) == (PageType.BLANK, PageStatus.SKIPPED)
    assert page.warnings == ["W_PAGE_SKIPPED_BLANK"]


def test_a_scan_needs_ocr(tmp_path: Path) -> None:
    """A scanned page would come out empty without a word."""

    def draw(document: Any) -> None:
        page = document.new_page()
        page.insert_image(page.rect, stream=picture(), keep_proportion=False)

    result = run(save(tmp_path, draw), ocr_engine="none")
    page = only_page(result)
    assert (page.page_type, page.status) == (PageType.SCANNED, PageStatus.SKIPPED)
    assert page.warnings == ["W_PAGE_NEEDS_OCR"]
    assert page.image_count == 1
    assert page.image_coverage_ratio > 0.95
    assert result.classification.pdf_type is PDFType.SCANNED
    assert result.parse_result.skipped_reasons == {1: "W_PAGE_NEEDS_OCR"}


def test_text_beside_a_large_image_is_read_and_the_image_reported(tmp_path: Path) -> None:
    """Text in the picture would be lost silently, or the text beside it with it."""

    def draw(document: Any) -> None:
        page = prose_page(document, PROSE * 3)
        page.insert_image((72, 400, 523, 800), stream=picture(), keep_proportion=False)

    result = run(save(tmp_path, draw), ocr_engine="none")
    page = only_page(result)
    assert (page.page_type, page.status) == (PageType.MIXED, PageStatus.PARTIAL)
    assert page.warnings == ["W_PAGE_IMAGE_TEXT_NOT_READ"]
    assert "quick brown fox" in result.markdown


def test_a_scan_that_brings_its_text_along_lacks_nothing(tmp_path: Path) -> None:
    """Every scan that was read before would be reported as read in part."""

    def draw(document: Any) -> None:
        page = document.new_page()
        page.insert_image(page.rect, stream=picture(), keep_proportion=False)
        page.insert_textbox((72, 100, 523, 740), PROSE * 4, fontsize=11, render_mode=3)

    result = run(save(tmp_path, draw), ocr_engine="none")
    page = only_page(result)
    assert (page.page_type, page.status) == (PageType.TEXT, PageStatus.OK)
    assert page.warnings == ["W_PAGE_HIDDEN_TEXT"]
    assert result.classification.pdf_type is PDFType.TEXT_NATIVE
    assert page.image_coverage_ratio > 0.95


def test_a_picture_beside_a_scan_with_text_is_still_reported(tmp_path: Path) -> None:
    """Text of the page would answer for a picture that it does not stand on."""

    def draw(document: Any) -> None:
        page = document.new_page()
        page.insert_image((0, 0, 595, 400), stream=picture(), keep_proportion=False)
        page.insert_image((0, 440, 595, 842), stream=picture(), keep_proportion=False)
        page.insert_textbox((72, 60, 523, 390), PROSE * 4, fontsize=11, render_mode=3)

    assert "W_PAGE_IMAGE_TEXT_NOT_READ" in only_page(run(save(tmp_path, draw), ocr_engine="none")).warnings


@pytest.mark.parametrize(("words", "kind"), [(20, PageType.MIXED), (60, PageType.TEXT)])
def test_a_page_with_little_text_beside_a_picture_is_mixed(
    tmp_path: Path, words: int, kind: PageType
) -> None:
    """A cover with a few words would pass for read, and the text in its picture be lost."""

    def draw(document: Any) -> None:
        page = prose_page(document, " ".join((PROSE * 3).split()[:words]))
        page.insert_image((72, 400, 300, 500), stream=picture(), keep_proportion=False)

    path = save(tmp_path, draw)
    assert only_page(run(path, ocr_engine="none")).page_type is kind
    assert only_page(run(path, ocr_engine="none", min_chars_per_page=50)).page_type is PageType.TEXT


def test_drawings_alone_are_not_blank(tmp_path: Path) -> None:
    """A page whose letters are drawn as outlines would be skipped as blank."""

    def draw(document: Any) -> None:
        document.new_page().draw_rect((100, 100, 300, 300), fill=(1, 0, 0))

    page = only_page(run(save(tmp_path, draw)))
    assert (page.page_type, page.status) == (PageType.VECTOR_ONLY, PageStatus.SKIPPED)
    assert page.warnings == ["W_PAGE_SKIPPED_VECTOR_ONLY"]


def test_outlines_with_the_number_of_the_page_are_no_page_of_text(tmp_path: Path) -> None:
    """A page whose letters are drawn as outlines would be read as its page number, and nobody told."""

    def draw(document: Any) -> None:
        page = document.new_page()
        for letter in range(60):
            page.draw_rect((72 + 7 * letter, 100, 76 + 7 * letter, 110), fill=(0, 0, 0))
        page.insert_text((290, 820), "17", fontsize=9)

    result = run(save(tmp_path, draw), ocr_engine="none")
    page = only_page(result)
    assert (page.page_type, page.status) == (PageType.VECTOR_ONLY, PageStatus.PARTIAL)
    assert page.warnings == ["W_PAGE_SKIPPED_VECTOR_ONLY"]
    assert result.markdown == "17\n"


def test_a_rule_under_a_word_makes_no_page_of_outlines(tmp_path: Path) -> None:
    """The title page of a chapter would be painted and read for nothing."""

    def draw(document: Any) -> None:
        page = document.new_page()
        page.insert_text((72, 400), "Part II", fontsize=30)
        page.draw_line((72, 410), (500, 410))

    page = only_page(run(save(tmp_path, draw)))
    assert (page.page_type, page.status) == (PageType.TEXT, PageStatus.OK)


def test_a_page_with_fields_is_a_form(tmp_path: Path) -> None:
    """A form would pass for a page of prose."""

    def draw(document: Any) -> None:
        page = prose_page(document)
        widget = pymupdf.Widget()
        widget.field_name, widget.field_type = "name", pymupdf.PDF_WIDGET_TYPE_TEXT
        widget.rect = pymupdf.Rect(72, 40, 300, 60)
        page.add_widget(widget)

    result = run(save(tmp_path, draw))
    page = only_page(result)
    assert (page.page_type, page.status, page.warnings) == (PageType.FORM, PageStatus.OK, [])
    assert page.has_form_fields
    assert result.metadata.has_form_fields


def test_a_page_of_cells_is_table_heavy(tmp_path: Path) -> None:
    """A table would pass for prose."""

    def draw(document: Any) -> None:
        page = document.new_page()
        for row in range(20):
            for column in range(4):
                page.insert_text((72 + 110 * column, 100 + 20 * row), f"cell {row} {column}")

    page = only_page(run(save(tmp_path, draw), table_engine="none"))
    assert (page.page_type, page.warnings) == (PageType.TABLE_HEAVY, ["W_PAGE_TABLES_AS_TEXT"])


def test_a_page_of_leaders_is_a_table_of_contents(tmp_path: Path) -> None:
    """Contents would be classified as text and their leaders fill the chunks."""

    def draw(document: Any) -> None:
        page = document.new_page()
        for row in range(20):
            page.insert_text((72, 100 + 20 * row), f"Chapter {row} {'.' * 60} {row + 3}")

    result = run(save(tmp_path, draw))
    assert only_page(result).page_type is PageType.TOC
    assert "....." not in result.chunks[0].text


def test_roman_page_numbers_are_numbers_of_contents(tmp_path: Path) -> None:
    """Contents of what stands before the first chapter would be classified as text."""

    def draw(document: Any) -> None:
        page = document.new_page()
        for row, number in enumerate(["i", "ii", "iii", "iv", "v", "vi", "vii", "viii"]):
            page.insert_text((72, 100 + 20 * row), f"Preface {row} {'. ' * 30} {number}")

    assert only_page(run(save(tmp_path, draw))).page_type is PageType.TOC


def test_glyphs_without_meaning_are_garbled_text(tmp_path: Path) -> None:
    """A font that says nothing of its glyphs would give letters that look right and are wrong."""
    content = b"BT /F 11 Tf 20 100 Td (%s) Tj ET" % (b"meaningless words " * 20)
    path = tmp_path / "garbled.pdf"
    path.write_bytes(mapped_pdf(content, b"1 beginbfrange <20> <7e> <e000> endbfrange", size=(3000, 200)))
    page = only_page(run(path, ocr_engine="none"))
    assert "W_PAGE_GARBLED_TEXT" in page.warnings
    assert page.status is PageStatus.PARTIAL
    assert page.quality.printable_ratio < 0.85


def test_chinese_is_printable(tmp_path: Path) -> None:
    """Text that is not ASCII would count as unreadable."""

    def draw(document: Any) -> None:
        page = document.new_page()
        page.insert_textbox((72, 72, 523, 700), "汉字文本可以阅读。" * 60, fontname="china-s")

    page = only_page(run(save(tmp_path, draw)))
    assert page.quality.printable_ratio == 1.0
    assert page.warnings == []


def test_coverage_is_that_of_the_union(tmp_path: Path) -> None:
    """A page of overlapping strips would be covered several times over."""
    half = (0, 0, 1000, 500)
    assert image_coverage([half], 1000, 1000) == 0.5
    assert abs(image_coverage([half, half, half], 1000, 1000) - 0.5) < 0.05
    assert image_coverage([(-5000, -5000, 9000, 9000)], 1000, 1000) == 1.0
    assert image_coverage([(2000, 0, 3000, 500)], 1000, 1000) == 0.0
