"""Tables on their way through the pipeline: data, Markdown, chunks, limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.errors import ErrorCode
from ingestkit_pdf.models import ContentType
from ingestkit_pdf.pdf.lines import Fonts, read_lines
from ingestkit_pdf.pdf.mupdf import open_document
from ingestkit_pdf.pdf.tables import make_engine, recognise
from ingestkit_pdf.pdf.tables.fast import FastEngine
from support.made_pdf import PROSE, run, save

import pymupdf  # isort: skip # after the pipeline, which sets it up

HEADER = ["Name", "Amount", "Remark"]


def ruled(
    page: Any, top: float, rows: list[list[str]], height: float = 20, left: float = 72, width: float = 150
) -> None:
    """Draw a grid with texts."""
    right, bottom = left + width * len(rows[0]), top + height * len(rows)
    for number in range(len(rows) + 1):
        page.draw_line((left, top + height * number), (right, top + height * number))
    for number in range(len(rows[0]) + 1):
        page.draw_line((left + width * number, top), (left + width * number, bottom))
    for number, row in enumerate(rows):
        for col, text in enumerate(row):
            page.insert_text((left + 6 + width * col, top + height * number + 14), text)


def rows(count: int, first: int = 0) -> list[list[str]]:
    """Rows of data."""
    return [[f"item {number}", f"{number}.50", "paid | open"] for number in range(first, first + count)]


def one_table(document: Any) -> None:
    """Text, a caption, a table, text."""
    page = document.new_page()
    page.insert_textbox((72, 80, 523, 160), PROSE)
    page.insert_text((72, 190), "Table 1: What was paid")
    ruled(page, 200, [HEADER, *rows(4)])
    page.insert_textbox((72, 320, 523, 420), "After the table. " + PROSE)


def test_a_table_comes_as_data(tmp_path: Path) -> None:
    """Rows, header, caption, page or box would be missing or wrong."""
    result = run(save(tmp_path, one_table))
    (table,) = result.table_data
    assert table.headers == HEADER
    assert table.header_rows == [HEADER]
    assert table.rows == rows(4)
    assert table.caption == "Table 1: What was paid"
    assert table.page_number == 1
    assert table.box == pytest.approx((72, 200, 522, 300), abs=1)
    assert (result.tables, result.tables_created) == (["page-1-table-1"], 1)


def test_a_table_stands_in_its_place_in_the_markdown(tmp_path: Path) -> None:
    """Its text would come twice, as loose lines, or after the text that follows it."""
    markdown = run(save(tmp_path, one_table)).markdown
    table = (
        "Table 1: What was paid\n\n| Name | Amount | Remark |\n| --- | --- | --- |\n"
        "| item 0 | 0.50 | paid \\| open |\n"
    )
    assert table in markdown
    assert markdown.count("item 3") == 1
    assert markdown.index("item 3") < markdown.index("After the table.")


def test_a_table_has_chunks_of_its_own_with_its_caption(tmp_path: Path) -> None:
    """A search would find the numbers among other text, without what they are."""
    chunks = run(save(tmp_path, one_table)).chunks
    (chunk,) = [chunk for chunk in chunks if chunk.content_type is ContentType.TABLE]
    assert chunk.text.startswith("Table 1: What was paid\n\n| Name |")
    assert chunk.text.endswith("| item 3 | 3.50 | paid \\| open |")
    assert "After the table." not in chunk.text
    assert chunk.boxes[0].box[3] == pytest.approx(300, abs=1)


def test_a_long_table_is_cut_between_rows_and_repeats_its_header(tmp_path: Path) -> None:
    """A row would be torn in two, or its columns would have no names."""

    def draw(document: Any) -> None:
        ruled(document.new_page(), 60, [HEADER, *rows(30)])

    chunks = run(save(tmp_path, draw), chunk_size_tokens=120, chunk_overlap_tokens=0).chunks
    assert len(chunks) > 2
    lines = [line for chunk in chunks for line in chunk.text.split("\n")]
    assert all(chunk.text.startswith("| Name | Amount | Remark |\n| ---") for chunk in chunks)
    assert all(chunk.token_count <= 120 for chunk in chunks)
    assert [line for line in lines if "item" in line] == [
        f"| {name} | {amount} | paid \\| open |" for name, amount, _ in rows(30)
    ]


def test_a_table_that_goes_on_is_linked(tmp_path: Path) -> None:
    """The second half of a table would be another table."""

    def draw(document: Any) -> None:
        ruled(document.new_page(), 600, [HEADER, *rows(8)])
        ruled(document.new_page(), 60, [HEADER, *rows(5, first=8)])
        ruled(document.new_page(), 60, [["Other", "Names", "Here"], *rows(3)])

    tables = run(save(tmp_path, draw)).table_data
    assert [table.is_continuation for table in tables] == [False, True, False]
    assert [table.continuation_group_id for table in tables] == ["page-1-table-1", "page-1-table-1", None]


@pytest.mark.parametrize("drawn", [(0, 1, 2), (2, 0, 1)])
def test_tables_with_nothing_between_them_come_from_top_to_bottom(
    tmp_path: Path, drawn: tuple[int, ...]
) -> None:
    """They would come the wrong way round, or in another order as data than in the text."""

    def draw(document: Any) -> None:
        page = document.new_page()
        for number in drawn:
            ruled(page, 100 + 200 * number, [[f"Name {number}", "Amount", "Remark"], *rows(3, 10 * number)])

    result = run(save(tmp_path, draw))
    names = [f"Name {number}" for number in range(3)]
    assert [table.headers[0] for table in result.table_data if table.headers] == names
    assert [table.table_index for table in result.table_data] == [0, 1, 2]
    for texts in ([result.markdown], [chunk.text for chunk in result.chunks]):
        text = "\n".join(texts)
        assert sorted(names, key=text.index) == names


def test_tables_side_by_side_come_from_left_to_right(tmp_path: Path) -> None:
    """The right one would come first, if only because it begins a point higher."""

    def draw(document: Any) -> None:
        page = document.new_page()
        ruled(page, 99, [["Right", "N"], *([f"r{row}", f"{row}"] for row in range(6))], left=320, width=80)
        ruled(page, 100, [["Left", "N"], *([f"l{row}", f"{row}"] for row in range(4))], width=80)
        ruled(page, 300, [HEADER, *rows(4)])

    result = run(save(tmp_path, draw))
    assert [table.headers[0] for table in result.table_data if table.headers] == ["Left", "Right", "Name"]
    assert result.markdown.index("Left") < result.markdown.index("Right") < result.markdown.index("Name")


def test_the_lowest_of_several_tables_is_the_one_that_goes_on(tmp_path: Path) -> None:
    """A table would be said to go on that is finished, or none."""

    def draw(document: Any) -> None:
        page = document.new_page()
        ruled(page, 500, [HEADER, *rows(8)])
        ruled(page, 100, [["Other", "M", "Remark"], *rows(4)])
        ruled(document.new_page(), 60, [HEADER, *rows(5, first=8)])

    tables = run(save(tmp_path, draw)).table_data
    assert [table.continuation_group_id for table in tables] == [None, "page-1-table-2", "page-1-table-2"]


def write_numbers(document: Any, template: str) -> None:
    """Number the pages at their foot."""
    for index, page in enumerate(document):
        page.insert_text((280, 820), template.format(index + 1, document.page_count))


@pytest.mark.parametrize("number", ["{}", "- {} -", "Page {} of {}", "{} / {}", "Seite {} von {}"])
def test_the_number_of_a_page_does_not_cut_a_table(tmp_path: Path, number: str) -> None:
    """In a document of two pages nothing else is a footer, and the table would be two."""

    def draw(document: Any) -> None:
        ruled(document.new_page(), 600, [HEADER, *rows(8)])
        ruled(document.new_page(), 60, [HEADER, *rows(5, first=8)])
        write_numbers(document, number)

    assert [table.is_continuation for table in run(save(tmp_path, draw)).table_data] == [False, True]


@pytest.mark.parametrize(
    ("caption", "goes_on"),
    [("Table 1 (continued)", True), ("Table 1: What was paid", True), ("Table 2: What was not", False)],
)
def test_a_caption_says_whether_a_table_goes_on(tmp_path: Path, caption: str, goes_on: bool) -> None:
    """A caption that says so would cut the table, or another caption would not."""

    def draw(document: Any) -> None:
        page = document.new_page()
        page.insert_text((72, 590), "Table 1: What was paid")
        ruled(page, 600, [HEADER, *rows(8)])
        page.insert_text((72, 775), "continued on the next page", fontsize=8)
        page = document.new_page()
        page.insert_text((72, 60), caption)
        ruled(page, 70, [HEADER, *rows(5, first=8)])

    assert [table.is_continuation for table in run(save(tmp_path, draw)).table_data] == [False, goes_on]


def test_tables_of_the_same_columns_under_other_titles_are_not_linked(tmp_path: Path) -> None:
    """Parts of another table would be added to this one."""

    def draw(document: Any) -> None:
        for number, title in enumerate(("String functions", "String functions", "Time functions")):
            page = document.new_page()
            page.draw_rect((72, 600, 522, 620))
            page.insert_text((78, 614), title)
            ruled(page, 620, [HEADER, *worded(5, 5 * number)])

    tables = run(save(tmp_path, draw)).table_data
    assert [table.caption for table in tables] == ["String functions", "String functions", "Time functions"]
    assert [table.is_continuation for table in tables] == [False, True, False]


def test_a_table_goes_on_once(tmp_path: Path) -> None:
    """Both of two tables side by side would be the rest of the one before."""

    def draw(document: Any) -> None:
        rows = [["Name", "Amount"], *([f"item {row}", f"{row}.50"] for row in range(8))]
        ruled(document.new_page(), 600, rows, width=100)
        page = document.new_page()
        ruled(page, 60, rows, width=100)
        ruled(page, 60, rows, left=320, width=100)

    tables = run(save(tmp_path, draw)).table_data
    assert [table.is_continuation for table in tables] == [False, True, False]


def worded(count: int, first: int = 0) -> list[list[str]]:
    """Rows of nothing but words."""
    return [
        [f"item {chr(97 + n)}", "some words", f"more of {chr(97 + n)}"] for n in range(first, first + count)
    ]


def test_the_first_row_of_words_on_the_next_page_is_no_header(tmp_path: Path) -> None:
    """A row of data would name the columns of the rest, which would be another table."""

    def draw(document: Any) -> None:
        ruled(document.new_page(), 600, [HEADER, *worded(8)])
        ruled(document.new_page(), 60, worded(5, first=8))
        ruled(document.new_page(), 60, [HEADER, *worded(5)])

    result = run(save(tmp_path, draw))
    assert [table.headers for table in result.table_data] == [HEADER, None, HEADER]
    assert result.table_data[1].rows == worded(5, first=8)
    assert {table.continuation_group_id for table in result.table_data[:2]} == {"page-1-table-1"}
    assert "|  |  |  |\n| --- | --- | --- |\n| item i | some words | more of i |" in result.markdown
    assert any("|  |  |  |\n| --- | --- | --- |\n| item i |" in chunk.text for chunk in result.chunks)


def test_a_first_row_in_other_type_is_a_header(tmp_path: Path) -> None:
    """A table of its own would be taken for the rest of the one before it."""

    def draw(document: Any) -> None:
        ruled(document.new_page(), 600, [HEADER, *worded(8)])
        page = document.new_page()
        ruled(page, 60, [["", "", ""], *worded(5, first=8)])
        for col, text in enumerate(("Place", "Person", "Reason")):
            page.insert_text((78 + 150 * col, 74), text, fontname="hebo")

    tables = run(save(tmp_path, draw)).table_data
    assert [table.is_continuation for table in tables] == [False, False]
    assert tables[1].headers == ["Place", "Person", "Reason"]


def test_text_between_tables_keeps_them_apart(tmp_path: Path) -> None:
    """Two tables with the same header on pages that follow would be taken for one."""

    def draw(document: Any) -> None:
        page = document.new_page()
        ruled(page, 500, [HEADER, *rows(8)])
        page.insert_text((72, 720), "Text that ends the section.")
        ruled(document.new_page(), 60, [HEADER, *rows(5)])

    assert not any(table.is_continuation for table in run(save(tmp_path, draw)).table_data)


def add_field(page: Any, kind: int, box: tuple[float, float, float, float], flags: int = 0) -> None:
    """Put a field on a page."""
    widget = pymupdf.Widget()
    widget.field_type, widget.field_flags, widget.rect = kind, flags, pymupdf.Rect(box)
    widget.field_name = f"field {box}"
    page.add_widget(widget)


@pytest.mark.parametrize(
    ("kind", "box", "flags", "tables"),
    [
        (pymupdf.PDF_WIDGET_TYPE_BUTTON, (450, 20, 520, 40), 1 << 16, 1),
        (pymupdf.PDF_WIDGET_TYPE_BUTTON, (230, 222, 360, 238), 1 << 16, 1),
        (pymupdf.PDF_WIDGET_TYPE_TEXT, (450, 20, 520, 40), 0, 1),
        (pymupdf.PDF_WIDGET_TYPE_TEXT, (230, 222, 360, 238), 0, 0),
    ],
)
def test_only_a_grid_with_fields_in_it_is_a_form(
    tmp_path: Path, kind: int, box: tuple[float, float, float, float], flags: int, tables: int
) -> None:
    """One button on a page would cost it all of its tables, or a form would be read as a table."""

    def draw(document: Any) -> None:
        one_table(document)
        add_field(document[0], kind, box, flags)

    result = run(save(tmp_path, draw))
    assert len(result.table_data) == tables
    assert result.pages[0].has_form_fields == (flags == 0)
    assert "item 3" in result.markdown


def test_tables_can_be_left_as_text(tmp_path: Path) -> None:
    """The setting would have no effect."""
    result = run(save(tmp_path, one_table), table_engine="none")
    assert result.table_data == []
    assert "| --- |" not in result.markdown
    assert "item 3" in result.markdown


def test_a_page_with_too_much_drawn_on_it_stays_text_with_a_warning(tmp_path: Path) -> None:
    """A map or a drawing could hold the pipeline up, or tables be lost without a word."""
    result = run(save(tmp_path, one_table), table_max_vectors=3)
    assert result.table_data == []
    assert result.pages[0].warnings == [ErrorCode.W_PAGE_TABLES_AS_TEXT.value]
    assert "item 3" in result.markdown


def test_a_page_that_takes_too_long_stays_text(tmp_path: Path) -> None:
    """One page could take all the time that the document has."""
    ticks = iter(range(1000))
    engine = FastEngine(seconds=2, clock=lambda: float(next(ticks)))
    with open_document(str(save(tmp_path, one_table))) as document:
        content = document.read_page(0)
        found = recognise(
            content,
            read_lines(content.blocks, content.width, content.height, Fonts()).lines,
            1,
            PDFProcessorConfig(),
            engine,
        )
    assert found.gave_up
    assert found.count == 0


def test_each_name_of_the_configuration_has_its_engine() -> None:
    """A configuration that is accepted would fail on the first page."""
    assert make_engine(PDFProcessorConfig(table_engine="none")) is None
    assert isinstance(make_engine(PDFProcessorConfig()), FastEngine)
