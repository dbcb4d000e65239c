"""Text in reading order, with its headings, lists and paragraphs, and without headers and footers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ingestkit_pdf.pdf.furniture import sample_pages
from support.made_pdf import PROSE, prose_page, run, save, write_lines

import pymupdf  # isort: skip

LEFT = " ".join(f"left{index}" for index in range(150))
RIGHT = " ".join(f"right{index}" for index in range(150))


def test_columns_written_line_by_line_are_read_one_after_the_other(tmp_path: Path) -> None:
    """Two columns would be read across, every sentence cut in two."""

    def draw(document: Any) -> None:
        page = document.new_page()
        page.insert_text(
            (72, 60), "A title that runs over both of the columns of this page, in full", fontsize=15
        )
        left, right = LEFT.split(), RIGHT.split()
        for row in range(30):
            page.insert_text((72, 100 + 14 * row), " ".join(left[row * 5 : row * 5 + 5]))
            page.insert_text((320, 100 + 14 * row), " ".join(right[row * 5 : row * 5 + 5]))

    result = run(save(tmp_path, draw))
    words = [word for word in result.markdown.split() if word.startswith(("left", "right"))]
    assert words == [*LEFT.split(), *RIGHT.split()]
    assert result.pages[0].is_multi_column


def test_columns_with_a_narrow_gutter_are_columns(tmp_path: Path) -> None:
    """Journals part their columns by little more than a letter: lines would go on in the other column."""

    def draw(document: Any) -> None:
        page = document.new_page()
        left, right = LEFT.split(), RIGHT.split()
        for row in range(30):
            text = " ".join(left[row * 5 : row * 5 + 5])
            page.insert_text(
                (310 - pymupdf.get_text_length(text, fontsize=10), 100 + 12 * row), text, fontsize=10
            )
            page.insert_text((321, 100 + 12 * row), " ".join(right[row * 5 : row * 5 + 5]), fontsize=10)

    result = run(save(tmp_path, draw))
    assert result.markdown.split() == [*LEFT.split(), *RIGHT.split()]
    assert result.pages[0].is_multi_column


def test_wide_spaces_of_justified_text_are_no_gutter(tmp_path: Path) -> None:
    """A paragraph would be cut into columns where its words happen to stand apart."""

    def draw(document: Any) -> None:
        page = document.new_page()
        for row in range(30):
            text = f"word{row} " + PROSE[: 20 + 3 * (row % 11)].strip()
            page.insert_text((72, 100 + 12 * row), text, fontsize=10)
            x = 82 + pymupdf.get_text_length(text, fontsize=10)
            page.insert_text((x, 100 + 12 * row), f"after{row} {PROSE[:40]}", fontsize=10)

    result = run(save(tmp_path, draw))
    assert not result.pages[0].is_multi_column
    assert result.markdown.index("after1 ") < result.markdown.index("word2 ")


def test_an_arabic_motto_does_not_turn_english_columns(tmp_path: Path) -> None:
    """A quotation at the top of the page would have its right column read first."""

    def draw(document: Any) -> None:
        page = document.new_page()
        page.insert_htmlbox((72, 40, 500, 70), "\u0628\u0633\u0645 \u0627\u0644\u0644\u0647")
        left, right = LEFT.split(), RIGHT.split()
        for row in range(30):
            page.insert_text((72, 100 + 14 * row), " ".join(left[row * 5 : row * 5 + 5]))
            page.insert_text((320, 100 + 14 * row), " ".join(right[row * 5 : row * 5 + 5]))

    markdown = run(save(tmp_path, draw)).markdown
    words = [word for word in markdown.split() if word.startswith(("left", "right"))]
    assert words == [*LEFT.split(), *RIGHT.split()]
    assert "\u0628\u0633\u0645" in markdown


def test_a_page_that_stands_on_its_head_is_read_from_its_own_top(tmp_path: Path) -> None:
    """The lines of a page that was put in the wrong way would come from the last to the first."""

    def draw(document: Any) -> None:
        page = document.new_page()
        for row in range(20):
            page.insert_text((520, 700 - 14 * row), f"Line {row} of the page", fontsize=11, rotate=180)
            page.insert_text((418, 700 - 14 * row), f"and what {row} ends in", fontsize=11, rotate=180)

    result = run(save(tmp_path, draw))
    assert result.markdown.startswith("Line 0 of the page and what 0 ends in")
    assert [f"Line {row} " in result.markdown for row in range(20)] == [True] * 20
    assert result.markdown.index("Line 1 ") < result.markdown.index("Line 2 ")
    (box,) = result.chunks[0].boxes
    assert box.box[1] > 400
    assert box.box[3] < 720


def test_a_table_is_not_read_as_columns(tmp_path: Path) -> None:
    """Rows of a table would be torn apart into columns of cells."""

    def draw(document: Any) -> None:
        page = document.new_page()
        for row in range(20):
            for column in range(3):
                page.insert_text((72 + 160 * column, 100 + 20 * row), f"r{row}c{column}")

    result = run(save(tmp_path, draw))
    words = [word for word in result.markdown.split() if word.startswith("r")]
    assert words[:6] == ["r0c0", "r0c1", "r0c2", "r1c0", "r1c1", "r1c2"]
    assert not result.pages[0].is_multi_column


def test_lines_become_paragraphs_and_hyphens_go(tmp_path: Path) -> None:
    """A word cut at the end of a line would stay in two pieces, a paragraph in many."""

    def draw(document: Any) -> None:
        first = [
            "The garden of this house is not really remark-",
            "able, but people who live in the neighbour-",
        ]
        rest = ["hood walk past it on every Sunday afternoon.", "They bring bread for the birds, and a well-"]
        last = ["Known author feeds the fish, as everybody says"]
        write_lines(document.new_page(), [(72, text) for text in [*first, *rest, *last]])

    markdown = run(save(tmp_path, draw)).markdown
    assert "remarkable, but people who live in the neighbourhood walk past" in markdown
    assert "a well-Known author" in markdown
    assert markdown.count("\n\n") == 0


def test_lists_and_code_are_recognisable(tmp_path: Path) -> None:
    """Items of a list would run together, code would lose its lines."""

    def draw(document: Any) -> None:
        page = document.new_page()
        write_lines(page, [(72, "\u2022 first item of the list"), (72, "\u2022 second item of the list")])
        write_lines(page, [(72, "1. one"), (72, "2. two")], top=160)
        write_lines(page, [(72, "def f(x):"), (98.4, "return x")], top=220, fontname="cour")
        write_lines(page, [(72, "# not a heading but words after a mark")], top=280)

    markdown = run(save(tmp_path, draw)).markdown
    assert "- first item of the list\n- second item of the list" in markdown
    assert "1. one\n2. two" in markdown
    assert "```\ndef f(x):\n    return x\n```" in markdown
    assert "\\# not a heading" in markdown


def test_an_initial_or_a_dash_at_the_beginning_of_a_line_is_no_item(tmp_path: Path) -> None:
    """A sentence would fall apart into items of a list wherever a line begins with a name or a date."""

    def draw(document: Any) -> None:
        lines = [
            "This was shown in great detail and for the first time by the famous man",
            "A. Einstein in the year 1905, and was later repeated by many others, too,",
            "- which is a dash that begins a line - and then the sentence simply goes on",
            "5. May is the date of the meeting, and then the text comes to its end.",
            "1. An item, which is one, and which goes on for a line that is full as the",
            "2. The next one.",
        ]
        write_lines(document.new_page(), [(72, line) for line in lines])

    first, second = run(save(tmp_path, draw)).markdown.strip().split("\n\n")
    assert first.endswith("comes to its end.")
    assert second.splitlines()[1:] == ["2. The next one."]


def test_chinese_items_are_items(tmp_path: Path) -> None:
    """Lists of Chinese documents would be one paragraph."""
    items = ["\u4e00\u3001\u7532\u4e59", "\u4e8c\u3001\u7532\u4e59", "\u2460 \u7532", "(2)\u4e59\u7532"]

    def draw(document: Any) -> None:
        write_lines(document.new_page(), [(72, item) for item in items], fontname="china-s")

    markdown = run(save(tmp_path, draw)).markdown
    assert markdown.splitlines() == [f"- {item}" for item in items]


def test_code_keeps_the_spaces_it_begins_with(tmp_path: Path) -> None:
    """Python that is written with spaces would lose its blocks, in Markdown and in chunks."""

    def draw(document: Any) -> None:
        lines = ["    if x:", "        return 's'", "    return None"]
        write_lines(document.new_page(), [(72, line) for line in lines], fontname="cour")

    result = run(save(tmp_path, draw))
    assert result.markdown == "```\nif x:\n    return 's'\nreturn None\n```\n"
    assert result.chunks[0].text == "if x:\n    return 's'\nreturn None"


def test_text_that_looks_like_markdown_stays_text(tmp_path: Path) -> None:
    """Backticks would end the block of code that they are in, a row of cells would become a heading."""

    def draw(document: Any) -> None:
        page = document.new_page()
        write_lines(page, [(72, "s = '```'"), (72, "return s")], fontname="cour")
        for x, text in ((72, "# 1"), (200, "not a heading"), (400, "x")):
            page.insert_text((x, 200), text, fontsize=11)

    markdown = run(save(tmp_path, draw)).markdown
    assert markdown == "````\ns = '```'\nreturn s\n````\n\n\\# 1 not a heading x\n"


def test_bold_words_in_a_line_are_marked(tmp_path: Path) -> None:
    """Emphasis inside a line would be lost with its spans."""

    def draw(document: Any) -> None:
        page = document.new_page()
        page.insert_htmlbox((72, 72, 500, 200), "<p>Some <b>important</b> words <i>among</i> others.</p>")

    assert "Some **important** words *among* others." in run(save(tmp_path, draw)).markdown


def test_a_paragraph_goes_on_across_a_page(tmp_path: Path) -> None:
    """A sentence would be cut in two by the end of the page."""

    def draw(document: Any) -> None:
        write_lines(
            document.new_page(), [(72, "The sentence that begins on this page is not at its end before")]
        )
        write_lines(document.new_page(), [(72, "the next page has been turned, and then it ends.")])

    result = run(save(tmp_path, draw))
    assert "not at its end before the next page" in result.markdown
    assert result.chunks[0].page_numbers == [1, 2]
    assert [box.page_number for box in result.chunks[0].boxes] == [1, 2]


def furnished(pages: int) -> Any:
    """Draws pages with a header, a footer with a number, and the header's words in the text as well."""

    def draw(document: Any) -> None:
        for number in range(1, pages + 1):
            page = document.new_page()
            page.insert_text((72, 40), "Annual report of the company")
            page.insert_text((72, 300), "Annual report of the company")
            page.insert_textbox((72, 320, 523, 500), f"Text{number}. " + PROSE)
            page.insert_text((280, 820), f"Page {number} of {pages}")

    return draw


def test_headers_and_footers_go_but_only_from_their_zone(tmp_path: Path) -> None:
    """Running titles would interrupt the text on every page, or text that looks like them would be lost."""
    markdown = run(save(tmp_path, furnished(8))).markdown
    assert "Page 3 of 8" not in markdown
    assert markdown.count("Annual report of the company") == 8
    assert all(f"Text{number}." in markdown for number in range(1, 9))


def test_a_bare_page_number_is_a_footer(tmp_path: Path) -> None:
    """Numbers that have no digit in common would stay in the text."""

    def draw(document: Any) -> None:
        for number in (7, 12, 35, 48, 60, 91):
            prose_page(document, PROSE).insert_text((290, 820), str(number))

    assert not any(line.strip().isdigit() for line in run(save(tmp_path, draw)).markdown.splitlines())


def test_headers_of_left_and_right_pages_go(tmp_path: Path) -> None:
    """Books have their title on one side and the chapter's on the other: one of the two would stay."""

    def draw(document: Any) -> None:
        for number in range(1, 21):
            page = prose_page(document, PROSE)
            title = (
                f"{number} The book of all things" if number % 2 else f"Chapter One: how it began {number}"
            )
            page.insert_text((72, 40), title, fontsize=9)
            page.insert_text((72, 60), "aeiou"[number % 5] * 9, fontsize=9)

    markdown = run(save(tmp_path, draw)).markdown
    assert "The book of all things" not in markdown
    assert "Chapter One" not in markdown
    assert [markdown.count(vowel * 9) for vowel in "aeiou"] == [4] * 5


def test_a_heading_that_goes_on_is_no_header(tmp_path: Path) -> None:
    """The heading of a long section would go with its continuations, for being on most left pages."""

    def draw(document: Any) -> None:
        for number in range(1, 9):
            page = prose_page(document, PROSE)
            if number in {2, 3, 4, 6, 7}:
                page.insert_text((72, 60), "5. Calculation of what has to be paid (continued)", fontsize=14)

    assert run(save(tmp_path, draw)).markdown.count("5. Calculation") == 5


def test_two_pages_have_no_headers(tmp_path: Path) -> None:
    """On two pages any repeated line would be lost."""
    assert run(save(tmp_path, furnished(2))).markdown.count("Annual report of the company") == 4


def test_a_page_with_nothing_but_a_header_keeps_it(tmp_path: Path) -> None:
    """A page would become empty without a word."""

    def draw(document: Any) -> None:
        for _ in range(5):
            document.new_page().insert_text((72, 40), "The same words on every page")

    assert run(save(tmp_path, draw)).markdown.count("The same words") == 5


def test_sample_pages_are_spread() -> None:
    """Headers that begin after the front matter would be missed."""
    assert sample_pages(2, 5) == []
    assert sample_pages(4, 5) == [0, 1, 2, 3]
    assert sample_pages(100, 5) == [1, 25, 50, 75, 99]


def test_a_rotated_page_is_read_as_it_is_displayed(tmp_path: Path) -> None:
    """Boxes of a rotated page would lie beside it."""

    def draw(document: Any) -> None:
        page = prose_page(document)
        page.set_rotation(90)

    result = run(save(tmp_path, draw))
    page = result.pages[0]
    assert (page.rotation, page.width, page.height) == (90, 842.0, 595.0)
    x0, y0, x1, y1 = result.chunks[0].boxes[0].box
    assert 0 <= x0 < x1 <= 842
    assert 0 <= y0 < y1 <= 595


def test_text_written_from_the_bottom_up_is_read_from_the_top_down(tmp_path: Path) -> None:
    """Documents whose producer wrote the last line first would be read backwards."""

    def draw(document: Any) -> None:
        page = document.new_page()
        for row in reversed(range(30)):
            page.insert_text((72, 100 + 20 * row), f"Line{row:02} of a page that was written upwards.")

    words = [word for word in run(save(tmp_path, draw)).markdown.split() if word.startswith("Line")]
    assert words == sorted(words)
    assert len(words) == 30


def test_a_stamp_in_the_margin_does_not_cut_the_text(tmp_path: Path) -> None:
    """Text that runs up the margin would stand in the middle of a sentence."""

    def draw(document: Any) -> None:
        page = document.new_page()
        write_lines(page, [(72, "The first line of the only paragraph goes on")])
        page.insert_text((30, 500), "arXiv:0000.00000 stamp", rotate=90, fontsize=20)
        write_lines(page, [(72, "in the second line of the paragraph.")], top=114)

    markdown = run(save(tmp_path, draw)).markdown
    assert "paragraph goes on in the second line" in markdown
    assert markdown.rstrip().endswith("arXiv:0000.00000 stamp")
