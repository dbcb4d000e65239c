"""Tagged documents: their own structure counts where it makes sense, and only there."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingestkit_pdf.pdf.mupdf import open_document
from ingestkit_pdf.pdf.tags import names_headings
from support.made_pdf import headings_of, run
from support.written_pdf import Element, tagged_pdf

LINE = "This line of the text is as long as lines of text are in a book"


def prose(top: float, lines: int = 4, x: float = 72) -> list[tuple[float, float, str]]:
    """Lines of a paragraph from `top` down."""
    return [(x, top - 14 * row, f"{LINE} {row}") for row in range(lines)]


def page(*elements: Element) -> list[Element]:
    """The elements of a page."""
    return list(elements)


def write(folder: Path, data: bytes) -> Path:
    """The document as a file."""
    path = folder / "tagged.pdf"
    path.write_bytes(data)
    return path


TAGGED = page(
    ("H1", [(72, 780, "A plain title")]),
    ("P", prose(750)),
    ("H2", [(72, 680, "A plain section")]),
    ("P", prose(660)),
    ("Caption", [(72, 580, "What the picture shows")]),
    ("Note", [(72, 90, "1 A note of the author")]),
)


def test_headings_come_from_tags_with_their_level(tmp_path: Path) -> None:
    """Headings that look like the text would be lost, though the document names them."""
    result = run(write(tmp_path, tagged_pdf(TAGGED)))
    assert headings_of(result) == ["# A plain title", "## A plain section"]
    assert result.chunks[0].heading_path == ["A plain title"]
    headings = [(heading.level, heading.text, heading.page_number) for heading in result.headings]
    assert headings == [(1, "A plain title", 1), (2, "A plain section", 1)]
    x0, y0, x1, y1 = result.headings[0].box
    assert (round(x0), round(y1) > round(y0), 50 < y0 < 70, x1 > 120) == (72, True, True, True)


@pytest.mark.parametrize("depth", [3, 600, 3000])
def test_a_page_whose_structure_is_nested_too_deeply_is_read_without_it(tmp_path: Path, depth: int) -> None:
    """A page that every reader shows would be reported as corrupt."""
    result = run(write(tmp_path, tagged_pdf(TAGGED, depth=depth)))
    assert result.errors == []
    assert f"{LINE} 3" in result.markdown
    assert result.markdown.startswith("# A plain title") == (depth == 3)


def test_types_of_a_documents_own_count_as_what_they_stand_for(tmp_path: Path) -> None:
    """Headings of programs that name their styles as their users do would be lost."""
    elements = page(("Kapitel", [(72, 780, "A plain title")]), ("P", prose(750)))
    roles = "/Kapitel /H1"
    assert headings_of(run(write(tmp_path, tagged_pdf(elements, roles=roles)))) == ["# A plain title"]


@pytest.mark.parametrize(
    ("tag", "roles", "expected"),
    [("H2", "", True), ("P", "", False), ("Own", "/Own /H3", True), ("Own", "/Own /Own", False)],
)
def test_tags_are_read_where_they_name_headings(tmp_path: Path, tag: str, roles: str, expected: bool) -> None:
    """Reading every tagged page twice would cost as much again, for hardly more than where paragraphs end."""
    data = tagged_pdf(page(("P", prose(750)), (tag, prose(660))), roles=roles)
    with open_document(str(write(tmp_path, data))) as document:
        assert names_headings(document) is expected


def test_captions_and_notes_come_from_tags(tmp_path: Path) -> None:
    """A caption without a number would run into the text, and a note too."""
    types = {chunk.text: chunk.content_type for chunk in run(write(tmp_path, tagged_pdf(TAGGED))).chunks}
    assert types["1 A note of the author"] == "footnote"
    assert "\n\nWhat the picture shows\n\n" in run(write(tmp_path, tagged_pdf(TAGGED))).markdown + "\n"


def test_tags_give_the_order(tmp_path: Path) -> None:
    """A box that was drawn first would be read first, though the author put it last."""
    last = ("P", [(72, 560, "The last words stand lowest.")])
    elements = page(last, ("H1", [(72, 780, "A title")]), ("P", prose(750)), ("P", prose(660)))
    markdown = run(write(tmp_path, tagged_pdf(elements, order=[1, 2, 3, 0]))).markdown
    assert markdown.rstrip().endswith("The last words stand lowest.")
    untagged = run(write(tmp_path, tagged_pdf(elements, order=[1, 2, 3, 0], marked=False))).markdown
    assert untagged.startswith("The last words stand lowest.")


@pytest.mark.parametrize(
    ("elements", "order"),
    [
        (page(*(("H1", prose(780 - 60 * part, 2)) for part in range(8))), None),
        (page(("H1", [(72, 780, "Short")]), *(("Artifact", prose(740 - 60 * n)) for n in range(5))), None),
        (
            page(*(("P", prose(780 - 60 * part, 2)) for part in range(9)), ("H1", [(72, 200, "Title")])),
            [9, 0, 5, 1, 6, 2, 7, 3, 8, 4],
        ),
    ],
    ids=["all of it headings", "hardly any text in it", "up and down the page"],
)
def test_tags_that_make_no_sense_do_not_count(
    tmp_path: Path, elements: list[Element], order: list[int] | None
) -> None:
    """A careless program's tags would turn the text into headings, or its order into a mess."""
    result = run(write(tmp_path, tagged_pdf(elements, order=order)))
    assert headings_of(result) == []
    first_drawn = elements[0][1][0][2]
    assert result.markdown.startswith(first_drawn)


def test_the_text_of_a_tagged_page_is_complete(tmp_path: Path) -> None:
    """What stands outside of the structure, page numbers or text that was forgotten, would be lost."""
    elements = page(("Artifact", [(72, 820, "Running title")]), *TAGGED, ("Artifact", [(290, 40, "Seven")]))
    markdown = run(write(tmp_path, tagged_pdf(elements))).markdown
    assert markdown.index("Running title") < markdown.index("A plain title")
    assert markdown.index("A note of the author") < markdown.index("Seven")


def test_only_a_document_that_says_so_is_tagged(tmp_path: Path) -> None:
    """Every document would pay for what only tagged ones have."""
    with open_document(str(write(tmp_path, tagged_pdf(TAGGED)))) as document:
        assert document.is_tagged
    with open_document(str(write(tmp_path, tagged_pdf(TAGGED, marked=False)))) as document:
        assert not document.is_tagged
