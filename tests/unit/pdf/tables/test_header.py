"""What the columns of a table are called, and what stands above them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingestkit_pdf.pdf.tables.fast import finish
from ingestkit_pdf.pdf.tables.header import column_names, title_of
from ingestkit_pdf.pdf.tables.model import Cell, Table
from ingestkit_pdf.pdf.tables.render import markdown_rows
from support.made_pdf import run, save


def table(*rows: list[str | None]) -> Table:
    """A table from texts; None goes on with the cell to the left."""
    cells: list[Cell] = []
    for number, row in enumerate(rows):
        for col, text in enumerate(row):
            if text is None:
                cells[-1].last_col = col
            elif text:
                cells.append(Cell(number, col, number, col, text))
    found = Table((0, 0, 100, 100), cells, len(rows), len(rows[0]))
    finish([found])
    return found


VALUES: list[list[str | None]] = [[f"row {row}", f"{row}", "7", "8", "9"] for row in range(4)]


def test_a_text_over_several_columns_is_written_once() -> None:
    """It would stand in the name of every column, and again in every chunk of the table."""
    over: list[str | None] = ["", "And the number of allowances claimed is", None, None, None]
    found = table(over, ["Wages", "none", "one", "two", "three"], *VALUES)
    assert column_names(found) == [
        "Wages",
        "And the number of allowances claimed is none",
        "one",
        "two",
        "three",
    ]


def test_a_short_text_over_several_columns_tells_those_of_one_name_apart() -> None:
    """Two columns would have the same name, and nobody could tell which year is which."""
    found = table(["", "2010/11", None, "2012/13", None], ["Kind", "Sum", "Share", "Sum", "Share"], *VALUES)
    assert column_names(found) == ["Kind", "2010/11 Sum", "2010/11 Share", "2012/13 Sum", "2012/13 Share"]


def test_names_that_are_numbers_are_names_below_what_they_count() -> None:
    """Only what stands over all of them would be the header, and their numbers a row of data."""
    found = table(
        ["Wages", None, "Allowances", None, None], ["At least", "Less than", "0", "1", "2"], *VALUES
    )
    assert found.header_rows == 2
    assert column_names(found) == ["Wages At least", "Less than", "Allowances 0", "1", "2"]


def test_values_below_a_group_of_columns_are_no_names() -> None:
    """The first row of data would be lost in the header."""
    assert table(["Wages", None, "Allowances", None, None], *VALUES).header_rows == 1


def test_values_below_a_title_are_no_names() -> None:
    """The first row of data would be lost in the header."""
    row: list[str | None] = ["#1 primary", "16.4 MB", "B f", "ext2", "/boot"]
    found = table(["SCSI1 (sda) - 6.4 GB", None, None, None, None], row, *VALUES)
    assert found.header_rows == 1
    assert column_names(found) is None


def test_the_first_row_below_names_of_columns_is_data() -> None:
    """A row with a word beside its first column would be lost in the header."""
    found = table(
        ["Country", "Change in recent years", None, None, None],
        ["Austria", "79 ppm", "+14", "1990-96", "Regal"],
        *VALUES,
    )
    assert found.header_rows == 1


def test_a_title_over_all_columns_stands_above_the_table() -> None:
    """It would be lost in Markdown and chunks, which have room for the names of columns only."""
    found = table(["Sums of the year", None, None, None, None], ["Kind", "a", "b", "c", "d"], *VALUES)
    assert title_of(found) == "Sums of the year"
    assert markdown_rows(found)[0].splitlines()[:3] == [
        "Sums of the year",
        "",
        "| Kind | a | b | c | d |",
    ]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a|b", "a\\|b"),
        ("a\\|b", "a\\\\\\|b"),
        ("C:\\temp\\", "C:\\temp\\"),
        ("first\nsecond\u2028third", "first second third"),
        ("||", "\\|\\|"),
    ],
)
def test_a_cell_stays_one_cell_in_markdown(text: str, written: str) -> None:
    """A row would have more cells than columns, or break off in the middle."""
    found = table(["Kind", "a", "b", "c", "d"], [text, "1", "2", "3", text], *VALUES)
    found.cells[5].text = found.cells[9].text = text  # as it is before it is cleaned
    assert markdown_rows(found)[1] == f"| {written} | 1 | 2 | 3 | {written} |"


def test_long_texts_are_no_header() -> None:
    """Half a page of text would be the name of a column."""
    assert table(["long text " * 20, "b", "c", "d", "e"], *VALUES).header_rows == 0


def test_a_caption_with_its_label_beside_it_is_no_header(tmp_path: Path) -> None:
    """The whole caption would be the name of a column, and the names of columns would be data."""

    def draw(document: Any) -> None:
        page = document.new_page()
        page.insert_text((72, 100), "Table 1.", fontsize=10)
        page.insert_text(
            (140, 100), "Numbers of pupils in schools of the country by control of school: from", fontsize=10
        )
        page.insert_text((140, 112), "the fall of one year to the next", fontsize=10)
        page.insert_text((250, 124), "[In thousands]", fontsize=10)
        for y in (128, 142):
            page.draw_line((72, y), (500, y))
        lines = [
            ["Year", "Total", "Public", "Private"],
            *([f"{1996 + n}", f"{n}5", f"{n}1", "4"] for n in range(9)),
        ]
        for row, cells in enumerate(lines):
            for col, text in enumerate(cells):
                page.insert_text((72 + 120 * col, 138 + 14 * row), text, fontsize=10)

    (found,) = run(save(tmp_path, draw)).table_data
    assert found.headers == ["Year", "Total", "Public", "Private"]
    assert (found.caption or "").startswith("Table 1. Numbers of pupils")
    assert (found.caption or "").endswith("[In thousands]")


def test_a_header_as_long_as_half_a_chunk_is_not_repeated(tmp_path: Path) -> None:
    """Chunks of a long table would be nothing but header."""

    def draw(document: Any) -> None:
        page = document.new_page(width=900)
        for x in (50, 250, 450, 650, 850):
            page.draw_line((x, 50), (x, 90 + 20 * 20))
        for y in (50, *range(90, 500, 20)):
            page.draw_line((50, y), (850, y))
        for col in range(4):
            page.insert_textbox(
                (54 + 200 * col, 52, 248 + 200 * col, 90), "words of a name that are many " * 2
            )
            for row in range(20):
                text = f"item {row}" if col == 0 else f"{row}.{col}"
                page.insert_text((54 + 200 * col, 104 + 20 * row), text)

    chunks = run(save(tmp_path, draw), chunk_size_tokens=100, chunk_overlap_tokens=0).chunks
    assert sum("many" in chunk.text for chunk in chunks) == 1
    assert sum("item 19" in chunk.text for chunk in chunks) == 1
    assert len(chunks) < 8
