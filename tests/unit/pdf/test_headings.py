"""Which lines are headings, and of which level."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingestkit_pdf.pdf.headings import body_size
from support.made_pdf import PROSE, headings_of, run, save

import pymupdf  # isort: skip


def test_outline_entries_become_headings_of_their_level(tmp_path: Path) -> None:
    """The document's own structure would be guessed from fonts."""

    def draw(document: Any) -> None:
        for title, part in (("One", "Part of one"), ("Two", "Part of two")):
            page = document.new_page()
            page.insert_text((72, 100), f"{title} is the chapter")
            page.insert_textbox((72, 120, 523, 200), PROSE)
            page.insert_text((72, 220), part)
            page.insert_textbox((72, 240, 523, 400), PROSE)
        document.set_toc(
            [
                [1, "One is the chapter", 1],
                [2, "Part of one", 1],
                [1, "Two is the chapter", 2],
                [2, "Part of two", 2],
            ]
        )

    result = run(save(tmp_path, draw))
    assert headings_of(result) == [
        "# One is the chapter",
        "## Part of one",
        "# Two is the chapter",
        "## Part of two",
    ]
    assert [entry.page_number for entry in result.metadata.outline] == [1, 1, 2, 2]
    assert result.chunks[-1].heading_path[0] == "Two is the chapter"


def test_a_watermark_is_no_heading_and_interrupts_nothing(tmp_path: Path) -> None:
    """DRAFT across every page would be its title, the head of all chunks, and in the middle of sentences."""

    def draw(document: Any) -> None:
        at = pymupdf.Point(200, 500)
        for _ in range(2):
            document.new_page().insert_text(at, "DRAFT", fontsize=80, morph=(at, pymupdf.Matrix(45)))
        first, second = document
        first.insert_text((72, 100), "1. Section", fontsize=16)
        first.insert_textbox((72, 130, 523, 300), PROSE * 2, fontsize=11)
        first.insert_text((72, 320), "A sentence begins that is not at its end where the page is,")
        second.insert_text((72, 100), "but goes on behind the word that stands across it.")
        second.insert_textbox((72, 130, 523, 300), PROSE * 2, fontsize=11)

    result = run(save(tmp_path, draw))
    assert headings_of(result) == ["# 1. Section"]
    assert result.chunks[-1].heading_path == ["1. Section"]
    assert "where the page is, but goes on" in result.markdown
    assert result.markdown.count("DRAFT") == 2


def test_without_an_outline_large_type_makes_headings(tmp_path: Path) -> None:
    """A document without bookmarks would have no structure."""

    def draw(document: Any) -> None:
        page = document.new_page()
        page.insert_text((72, 100), "The title", fontsize=24)
        page.insert_textbox((72, 130, 523, 230), PROSE, fontsize=11)
        page.insert_text((72, 260), "A section", fontsize=16)
        page.insert_textbox((72, 280, 523, 380), PROSE, fontsize=11)
        page.insert_text((72, 410), "2.1 Bold and numbered", fontsize=11, fontname="hebo")
        page.insert_textbox((72, 430, 523, 530), PROSE, fontsize=11)

    assert headings_of(run(save(tmp_path, draw))) == [
        "# The title",
        "## A section",
        "### 2.1 Bold and numbered",
    ]


Part = tuple[str, dict[str, Any]]
"""A line between paragraphs, and how it is set."""


def draw_parts(*parts: Part) -> Any:
    """Draws a page: each line on its own above a paragraph."""

    def draw(document: Any) -> None:
        page = document.new_page()
        for number, (text, options) in enumerate(parts):
            page.insert_text((72, 100 + 110 * number), text, **({"fontsize": 11} | options))
            page.insert_textbox((72, 112 + 110 * number, 523, 190 + 110 * number), PROSE, fontsize=11)

    return draw


BOLD, ITALIC = {"fontname": "hebo"}, {"fontname": "heit"}


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("The size of the text, but bold", BOLD),
        ("Italics above a paragraph", ITALIC),
        ("2.3 Numbered and hardly larger", {"fontsize": 11.6}),
        ("IV. CAPITALS WITH A NUMBER", {}),
        ("Large without anything else", {"fontsize": 14}),
    ],
)
def test_a_line_set_apart_above_text_is_a_heading(tmp_path: Path, text: str, options: dict[str, Any]) -> None:
    """Documents that do not set headings in large type would have none."""
    headings = headings_of(run(save(tmp_path, draw_parts((text, options), (text, options)))))
    assert [heading.lstrip("# ") for heading in headings] == [text, text]


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("The size of the text", {}),
        ("Bold, but it ends as a sentence does.", BOLD),
        ("A label in bold:", BOLD),
        ("Figure 3 in bold", BOLD),
        ("write.to@example.org", BOLD),
        ("12 . 7 . 2024", BOLD),
        ("Chapter one ........ 12", BOLD),
    ],
)
def test_other_lines_are_none(tmp_path: Path, text: str, options: dict[str, Any]) -> None:
    """Labels, captions and addresses would cut the document into sections."""
    assert headings_of(run(save(tmp_path, draw_parts((text, options), (text, options))))) == []


def test_bold_lines_in_a_bold_document_are_no_headings(tmp_path: Path) -> None:
    """Where everything is bold every short line would be a heading."""

    def draw(document: Any) -> None:
        page = document.new_page()
        for number in range(5):
            page.insert_text((72, 100 + 110 * number), "A short line", fontsize=11, fontname="hebo")
            box = (72, 112 + 110 * number, 523, 190 + 110 * number)
            page.insert_textbox(box, PROSE, fontsize=11, fontname="hebo")

    assert headings_of(run(save(tmp_path, draw))) == []


def test_a_look_that_mostly_is_no_heading_never_is(tmp_path: Path) -> None:
    """Bold names in a list of addresses would be headings wherever a longer line follows one."""

    def draw(document: Any) -> None:
        page = document.new_page()
        for number in range(12):
            page.insert_text((72, 80 + 40 * number), f"Name {'abcdefghijkl'[number]}", **BOLD, fontsize=11)
            page.insert_text((72, 94 + 40 * number), "Street 1" if number else "A longer " * 7, fontsize=11)
        page.insert_textbox((72, 580, 523, 800), PROSE * 3, fontsize=11)

    assert headings_of(run(save(tmp_path, draw))) == []


def test_levels_follow_size_and_number(tmp_path: Path) -> None:
    """All headings would be of one level, and the path of a chunk flat."""
    result = run(
        save(
            tmp_path,
            draw_parts(
                ("Title", {"fontsize": 24}),
                ("1 Section", BOLD),
                ("1.1 Part", BOLD),
                ("2 Section", BOLD),
            ),
        )
    )
    assert headings_of(result) == ["# Title", "## 1 Section", "### 1.1 Part", "## 2 Section"]


def test_sizes_are_compared_as_they_are() -> None:
    """Rounding would lift the body's size, and headings of exactly 1.2 times that would be lost."""
    assert body_size({1090: 3000, 1309: 40, 763: 6}) == 1090
    assert body_size({}) == 0


def test_a_numbered_heading_begins_a_paragraph(tmp_path: Path) -> None:
    """Two headings without text between them would be one."""

    def draw(document: Any) -> None:
        page = document.new_page()
        page.insert_text((72, 100), "4 Results", **BOLD, fontsize=11)
        page.insert_text((72, 114), "4.1 The first one", **BOLD, fontsize=11)
        page.insert_textbox((72, 126, 523, 300), PROSE * 2, fontsize=11)

    assert headings_of(run(save(tmp_path, draw))) == ["# 4 Results", "## 4.1 The first one"]
