"""Letters and scripts: ligatures, accents, right-to-left and vertical writing, words without spaces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingestkit_pdf.pdf.blocks import Block, BlockBox, Font, Run
from ingestkit_pdf.pdf.letters import is_run_together, needs_letters, put_right
from ingestkit_pdf.pdf.lines import Fonts, read_lines
from ingestkit_pdf.pdf.text import clean
from support.made_pdf import run, save
from support.written_pdf import mapped_pdf, page_pdf, vertical_pdf


@pytest.mark.parametrize(
    ("drawn", "read"),
    [("ef\ufb01cient \ufb02ow", "efficient flow"), ("Caf\u00e9 \u00dcbung", "Caf\u00e9 \u00dcbung")],
)
def test_ligatures_are_letters(tmp_path: Path, drawn: str, read: str) -> None:
    """A search for a word would not find it where the printer used a ligature."""

    def draw(document: Any) -> None:
        document.new_page().insert_htmlbox((72, 72, 500, 200), f"<p>{drawn}</p>")

    assert read in run(save(tmp_path, draw)).markdown


def test_arabic_is_read_from_the_right(tmp_path: Path) -> None:
    """Right-to-left text with a Latin word in it would come out in pieces in the wrong order."""

    def draw(document: Any) -> None:
        document.new_page().insert_htmlbox(
            (72, 72, 500, 200),
            '<p dir="rtl">\u0645\u0631\u062d\u0628\u0627 Jeremy \u0643\u062a\u0627\u0628</p>',
        )

    markdown = run(save(tmp_path, draw)).markdown
    words = ["\u0645\u0631\u062d\u0628\u0627", "Jeremy", "\u0643\u062a\u0627\u0628"]
    assert markdown.split() == words


def test_spans_of_a_right_to_left_line_are_turned() -> None:
    """Words written from left to right on the page would be read in that order."""
    texts = [(100, "\u0643\u062a\u0627\u0628"), (2300, "Jeremy"), (5000, "\u0645\u0631\u062d\u0628\u0627")]
    runs = [
        Run(bbox=BlockBox(x, 100, 2000, 1000), font=Font("F", 1000), y=900, text=text) for x, text in texts
    ]
    (line,) = read_lines([Block("text", lines=runs)], 500, 500, Fonts()).lines
    assert line.text == "\u0645\u0631\u062d\u0628\u0627 Jeremy \u0643\u062a\u0627\u0628"


@pytest.mark.parametrize("letters", [b"fefb", b"06440627", b"06440625"])
def test_an_arabic_ligature_keeps_the_order_of_its_letters(tmp_path: Path, letters: bytes) -> None:
    """Lam and alef would change places in every word that has the ligature."""
    mapping = b"2 beginbfchar <41> <%s> <42> <0645> endbfchar" % letters
    path = tmp_path / "ligature.pdf"
    path.write_bytes(mapped_pdf(b"BT /F 20 Tf 20 100 Td (ABBB) Tj ET", mapping))
    read = bytes.fromhex(letters.decode()).decode("utf-16-be").replace("\ufefb", "\u0644\u0627")
    assert run(path).markdown.strip() == "\u0645\u0645\u0645" + read


def test_lam_that_is_no_ligature_stays(tmp_path: Path) -> None:
    """Letters that were drawn one by one would change places as well."""
    mapping = b"2 beginbfchar <41> <0644> <42> <0627> endbfchar"
    path = tmp_path / "letters.pdf"
    path.write_bytes(mapped_pdf(b"BT /F 20 Tf 20 100 Td (AB) Tj ET", mapping))
    assert run(path).markdown.strip() == "\u0627\u0644"


@pytest.mark.parametrize(
    ("drawn", "read"),
    [
        ("M\u00a8uller", "M\u00fcller"),
        ("Go\u00a8del", "G\u00f6del"),
        ("Min\u00b4ak", "Min\u00e1k"),
        ("Re\u00b4union", "Re\u00b4union"),
    ],
)
def test_loose_accents_go_on_their_letter(tmp_path: Path, drawn: str, read: str) -> None:
    """Names set by TeX would not be found by their spelling."""

    def draw(document: Any) -> None:
        document.new_page().insert_text((72, 100), f"The name is {drawn} here")

    assert f"The name is {read} here" in run(save(tmp_path, draw)).markdown


def run_of(x: int, width: int, text: str) -> Run:
    """A run of text at x, in hundredths of a point."""
    return Run(bbox=BlockBox(x, 100, width, 1000), font=Font("F", 1000), y=900, text=text)


@pytest.mark.parametrize(
    ("runs", "read"),
    [
        ([run_of(3000, 900, "\u05e9\u05dc"), run_of(1500, 1200, "2024 "), run_of(200, 1200, "\u05d5\u05dd")],
         "\u05e9\u05dc 2024 \u05d5\u05dd"),
        ([run_of(5000, 900, "\u0628"), run_of(3900, 1000, "R "), run_of(2000, 1500, "\u0648")],
         "\u0628 R \u0648"),
        ([run_of(5000, 900, "\u0628"), run_of(1000, 1500, "two"), run_of(2800, 1500, "words")],
         "\u0628 two words"),
    ],
    ids=["number", "space of a Latin run", "Latin words"],
)  # fmt: skip
def test_numbers_and_latin_words_in_right_to_left_lines(runs: list[Run], read: str) -> None:
    """Numbers would change places with words, and a Latin word grow together with the one before it."""
    (line,) = read_lines([Block("text", lines=runs)], 500, 500, Fonts()).lines
    assert " ".join(line.text.split()) == read


def test_a_mixed_line_has_one_cell() -> None:
    """Lines with a Latin word in them would be taken for rows of a table."""
    texts = [(5000, 900, "\u0628\u0628\u0628"), (3200, 1000, "Latin"), (1000, 2000, "\u0648\u0648\u0648")]
    runs = [run_of(*entry) for entry in (texts[0], texts[2], texts[1])]
    (line,) = read_lines([Block("text", lines=runs)], 500, 500, Fonts()).lines
    assert line.cells == 1


JAPANESE = [
    "\u543e\u8f29\u306f\u732b\u3067\u3042\u308b",
    "\u3002\u540d\u524d\u306f\u307e\u3060\u7121",
    "\u3044\u3002",
]


@pytest.mark.parametrize("reverse", [False, True], ids=["from the right", "drawn from the left"])
def test_vertical_columns_are_read_from_the_right(tmp_path: Path, reverse: bool) -> None:
    """Japanese books would be read backwards, letter by letter or column by column."""
    columns = [(400.0 - 20 * number, text) for number, text in enumerate(JAPANESE)]
    path = tmp_path / "vertical.pdf"
    path.write_bytes(vertical_pdf(columns[::-1] if reverse else columns))
    assert run(path).markdown.strip() == "".join(JAPANESE)


def test_a_short_column_ends_a_paragraph(tmp_path: Path) -> None:
    """All paragraphs of a vertical page would be one."""
    path = tmp_path / "vertical.pdf"
    path.write_bytes(vertical_pdf([(400, JAPANESE[0]), (380, JAPANESE[2]), (360, JAPANESE[1])]))
    assert run(path).markdown.strip().split("\n\n") == [JAPANESE[0] + JAPANESE[2], JAPANESE[1]]


def test_letters_drawn_one_above_the_other_are_turned_text() -> None:
    """Words in the margin that are drawn letter by letter upwards would be read from the end."""
    runs = [
        Run(bbox=BlockBox(500, 8000 - 600 * n, 1000, 620), font=Font("F", 1000), y=8500 - 600 * n, text=text)
        for n, text in enumerate("Mar gin")
    ]
    (line,) = read_lines([Block("text", lines=runs)], 500, 500, Fonts()).lines
    assert (line.text, line.upright) == ("Mar gin", False)
    assert (line.y0, line.y1) == (4400, 8620)


def test_words_of_hindi_have_spaces(tmp_path: Path) -> None:
    """MuPDF writes no space behind these letters, so every sentence would be one word."""
    mapping = b"2 beginbfchar <41> <0915> <42> <092e> endbfchar"
    path = tmp_path / "hindi.pdf"
    path.write_bytes(mapped_pdf(b"BT /F 20 Tf 20 100 Td [(AB) -400 (BA) -60 (A)] TJ ET", mapping))
    assert run(path).markdown.strip() == "\u0915\u092e \u092e\u0915\u0915"


def test_words_that_were_run_together_are_parted(tmp_path: Path) -> None:
    """A line whose spaces are a little narrow would be one long word that no search finds."""
    words = b"[(Compositions) -130 (of) -130 (pretraining) -130 (data)] TJ"
    path = tmp_path / "narrow.pdf"
    path.write_bytes(page_pdf(b"BT /F 12 Tf 72 700 Td %s ET" % words))
    assert run(path).markdown.strip() == "Compositions of pretraining data"


def _page(text: str) -> list[Block]:
    return [Block("text", lines=[run_of(0, 100, text)])]


def test_only_pages_with_such_letters_are_looked_at_closely() -> None:
    """Every page would be printed letter by letter."""
    assert not needs_letters(_page("plain text"))
    assert not needs_letters(_page("caf\u00e9 \u2013 \u4e2d\u6587 \u0431"))
    assert needs_letters(_page("\u0644"))
    assert needs_letters(_page("\u0915" * 20))
    assert not needs_letters(_page("\u0915\u092e \u0915 \u092e"))
    assert not is_run_together("an ordinary sentence with words")
    assert not is_run_together("internationalisation")
    blocks = _page("untouched")
    put_right(blocks, b"")
    assert blocks[0].lines[0].text == "untouched"


def test_text_is_composed() -> None:
    """The same word in two encodings would be two words."""
    assert clean("Cafe\u0301") == "Caf\u00e9"
    assert clean("\uff21\uff22") == "AB"
    assert clean("\u0645\u0645") == "\u0645\u0645"
