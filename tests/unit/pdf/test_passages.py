"""Paragraphs that go on elsewhere, and the emphasis in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.made_pdf import run, save

ITALIC = {"fontname": "Times-Italic"}
REGULAR = {"fontname": "Times-Roman"}


def lines(page: Any, top: float, *texts: tuple[str, dict[str, str]]) -> None:
    """Lines of eleven points under each other."""
    for row, (text, font) in enumerate(texts):
        page.insert_text((72, top + 13 * row), text, fontsize=11, **font)


def test_a_line_in_italics_is_marked_in_a_paragraph_of_whole_lines(tmp_path: Path) -> None:
    """Emphasis would be lost wherever it happens to begin and to end with a line."""

    def draw(document: Any) -> None:
        lines(
            document.new_page(),
            100,
            ("The keeper of the garden counts his apples every evening and writes them down", REGULAR),
            ("and nothing of this is of any importance to the fox that jumps over the lazy", ITALIC),
            ("dog, which sleeps in the shade of the tree and dreams of something else.", REGULAR),
        )

    markdown = run(save(tmp_path, draw)).markdown
    assert "them down *and nothing of this is" in markdown
    assert "over the lazy* dog, which sleeps" in markdown


def test_emphasis_goes_on_across_pages_as_one_run_and_its_hyphen_is_undone(tmp_path: Path) -> None:
    """A word cut by the end of a page would stay cut, or a run of italics become two."""

    def draw(document: Any) -> None:
        page = document.new_page()
        lines(
            page,
            740,
            ("The keeper of the garden counts his apples every evening and writes them down", ITALIC),
            ("and nothing of this is of any importance to the fox that jumps and the impor-", ITALIC),
        )
        page = document.new_page()
        lines(
            page,
            80,
            ("tance of it all is that it goes on over the end of the page to where it was not", ITALIC),
            ("expected by anybody, least of all by the dog.", REGULAR),
        )

    result = run(save(tmp_path, draw))
    assert result.markdown.startswith("*The keeper")
    assert "the importance of it all is" in result.markdown
    assert "was not* expected" in result.markdown
    assert result.markdown.count("*") == 2
    (chunk,) = result.chunks
    assert "the importance of it all is" in chunk.text
    assert chunk.page_numbers == [1, 2]
    assert [box.page_number for box in chunk.boxes] == [1, 2]
