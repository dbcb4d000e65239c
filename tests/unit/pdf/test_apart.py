"""What stands apart from the body: captions, footnotes, contents; and sentences that go on around them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingestkit_pdf.models import ProcessingResult
from ingestkit_pdf.pdf.text import with_join
from support.made_pdf import PROSE, headings_of, run, save, write_lines


def types_of(result: ProcessingResult) -> dict[str, str]:
    """The type of each chunk by its text."""
    assert result.errors == []
    return {chunk.text: chunk.content_type.value for chunk in result.chunks}


@pytest.mark.parametrize(
    ("before", "after", "joined"),
    [
        ("this -", "and that", "this - and that"),
        ("the end.", "The next", "the end. The next"),
        ("\u6c49\u5b57", "\u6587\u672c", "\u6c49\u5b57\u6587\u672c"),
    ],
)
def test_lines_are_joined_as_they_were_broken(before: str, after: str, joined: str) -> None:
    """Words of two lines would be one, or Chinese have spaces."""
    assert with_join(before, after) + after == joined


def test_a_word_cut_by_the_end_of_a_page_is_whole(tmp_path: Path) -> None:
    """The word and its sentence would be in neither page's chunks."""

    def draw(document: Any) -> None:
        write_lines(document.new_page(), [(72, "At the end of this page a word is cut, it is remark-")])
        write_lines(document.new_page(), [(72, "able that it goes on on the other one.")])

    result = run(save(tmp_path, draw))
    assert "it is remarkable that it goes on" in result.markdown
    assert result.chunks[0].page_numbers == [1, 2]


def sentence_around(document: Any, *between: tuple[float, str, dict[str, Any]]) -> Any:
    """A sentence that breaks off above lines (y, text, options) and goes on below them."""
    page = document.new_page()
    page.insert_text(
        (72, 100), "The body of this page is a sentence that is not at its end when", fontsize=11
    )
    for y, text, options in between:
        page.insert_text((72, y), text, **({"fontsize": 11} | options))
    page.insert_text((72, 400), "something stands in its way, and only then it comes to an end.", fontsize=11)
    return page


def test_a_sentence_goes_on_behind_a_caption(tmp_path: Path) -> None:
    """A picture in the middle of a column would cut the sentence around it in two."""
    caption = "Figure 2.1: A picture that has nothing to do with it"
    path = save(tmp_path, lambda document: sentence_around(document, (300, caption, {})))
    markdown = run(path).markdown
    assert "not at its end when something stands" in markdown
    assert markdown.rstrip().endswith(caption)


@pytest.mark.parametrize(
    "text",
    [
        "Figure 3: A view",
        "Fig. 3. A view",
        "TABLE IV. Results",
        "Abbildung 7 \u2013 Ansicht",
        "\u0420\u0438\u0441. 2. \u0412\u0438\u0434",
        "\u56f3 3: \u5199\u771f",
    ],
)
def test_captions_are_told_by_how_they_begin(tmp_path: Path, text: str) -> None:
    """A caption would run into the text around it and be taken for a heading."""

    def draw(document: Any) -> None:
        page = sentence_around(document)
        page.insert_htmlbox((72, 280, 523, 320), f"<b>{text}</b>")

    result = run(save(tmp_path, draw))
    assert headings_of(result) == []
    assert "not at its end when something stands" in result.markdown


def test_a_sentence_about_a_figure_is_no_caption(tmp_path: Path) -> None:
    """Sentences of the body would be set apart from it."""

    def draw(document: Any) -> None:
        text = "Figure 3 shows that the body of a text may well begin with such words. " + PROSE
        document.new_page().insert_textbox((72, 100, 523, 400), text * 2, fontsize=11)

    assert set(types_of(run(save(tmp_path, draw))).values()) == {"narrative"}


def noted_page(document: Any) -> None:
    """Draws a page of prose with two footnotes, and a page on which the sentence goes on."""
    page = document.new_page()
    page.insert_textbox((72, 100, 523, 500), PROSE * 5, fontsize=11)
    write_lines(page, [(72, "The last sentence above the notes does not end here, it goes on")], top=560)
    write_lines(page, [(72, "1 The first note of the page."), (72, "2 Another one.")], top=740, fontsize=8)
    page = document.new_page()
    write_lines(page, [(72, "behind them on the next page, as sentences do.")])
    page.insert_textbox((72, 130, 523, 500), PROSE * 5, fontsize=11)


def test_footnotes_are_no_part_of_the_body(tmp_path: Path) -> None:
    """A note would stand in the middle of the sentence that goes on on the next page."""
    result = run(save(tmp_path, noted_page))
    assert "does not end here, it goes on behind them on the next page" in result.markdown
    types = types_of(result)
    (notes,) = [text for text, kind in types.items() if kind == "footnote"]
    assert "first note" in notes
    assert "Another one" in notes
    assert "narrative" in types.values()


def test_small_print_without_a_mark_is_no_footnote(tmp_path: Path) -> None:
    """The small print of a form, or a whole page of small type, would be taken out of the body."""

    def draw(document: Any) -> None:
        page = document.new_page()
        page.insert_textbox((72, 100, 523, 500), PROSE * 5, fontsize=11)
        write_lines(page, [(72, "Small print at the foot of the page")], top=740, fontsize=8)
        write_lines(page, [(72, "1 small print above the body")], top=60, fontsize=8)

    assert "footnote" not in types_of(run(save(tmp_path, draw))).values()


@pytest.mark.parametrize("leaders", [" . . . . . . . . ", "............", None])
def test_contents_are_no_headings_and_no_text(tmp_path: Path, leaders: str | None) -> None:
    """Entries of the contents would be headings of sections without text, or one long sentence."""

    def draw(document: Any) -> None:
        page = document.new_page()
        page.insert_text((72, 80), "Contents", fontsize=16)
        for number in range(1, 9):
            title, y = f"{number} The chapter with this number", 100 + 16 * number
            if leaders:
                page.insert_text((72, y), f"{title}{leaders * 3}{7 * number}", fontname="hebo", fontsize=11)
            else:
                page.insert_text((72, y), f"{title} {7 * number}", fontname="hebo", fontsize=11)
        document.new_page().insert_textbox((72, 100, 523, 500), PROSE * 5, fontsize=11)

    result = run(save(tmp_path, draw))
    assert [heading.strip("# ") for heading in headings_of(result)] == ["Contents"]
    lines = result.markdown.splitlines()
    assert (
        sum(1 for line in lines if line.rstrip().endswith(("7", "14", "21", "28", "35", "42", "49", "56")))
        == 8
    )
    assert result.chunks[0].content_type == "list"


def test_nested_and_numbered_lists(tmp_path: Path) -> None:
    """Items below items would be of one level, and numbers would begin anew or be lost."""

    def draw(document: Any) -> None:
        page = document.new_page()
        items = [
            (72, "1. The first item, which is so long that it does not fit on one line and"),
            (85, "goes on below its text"),
            (108, "\u2022 an item below it"),
            (108, "\u2022 and another one"),
            (72, "2. The second item"),
            (72, "(a) a letter as its mark"),
        ]
        write_lines(page, items)
        page.insert_textbox((72, 400, 523, 600), PROSE * 3, fontsize=11)

    lines = run(save(tmp_path, draw)).markdown.splitlines()
    assert lines[:5] == [
        "1. The first item, which is so long that it does not fit on one line and goes on below its text",
        "  - an item below it",
        "  - and another one",
        "2. The second item",
        "- (a) a letter as its mark",
    ]


def test_lines_far_apart_are_one_paragraph(tmp_path: Path) -> None:
    """In documents with wide line spacing every line would be a paragraph of its own."""

    def draw(document: Any) -> None:
        page = document.new_page()
        for row in range(12):
            page.insert_text(
                (72, 100 + 24 * row), "This line goes on in the next one, as lines do, and", fontsize=11
            )
            page.insert_text((400, 60), " ")

    assert run(save(tmp_path, draw)).markdown.count("\n\n") == 0


def test_centred_lines_are_one_paragraph(tmp_path: Path) -> None:
    """A centred title of two lines would be two titles."""

    def draw(document: Any) -> None:
        page = document.new_page()
        box = (72, 60, 523, 130)
        page.insert_textbox(
            box, "A title that is so long that it has to\nbe set in two lines", fontsize=18, align=1
        )
        page.insert_textbox((72, 150, 523, 500), PROSE * 5, fontsize=11)

    assert headings_of(run(save(tmp_path, draw))) == [
        "# A title that is so long that it has to be set in two lines"
    ]
