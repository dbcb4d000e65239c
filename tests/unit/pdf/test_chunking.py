"""Chunks: within their size, never across a heading, with what they stand on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ingestkit_pdf.models import Chunk, ContentType
from ingestkit_pdf.pdf.chunks import make_chunks
from ingestkit_pdf.pdf.counted import count_early, count_passages
from ingestkit_pdf.pdf.hyphens import Hyphens
from ingestkit_pdf.pdf.paragraphs import ITEM, TABLE, TEXT
from ingestkit_pdf.pdf.passages import Passage
from ingestkit_pdf.pdf.tokens import load_tokenizer
from support.made_pdf import PROSE, run, save
from unit.pdf.tables.test_in_documents import ruled

WORDS = " ".join(f"word{index}" for index in range(900))


def sections(document: Any) -> None:
    """Two chapters with two sections each, and more text than a small chunk holds."""
    for chapter in ("Alpha", "Beta"):
        page = document.new_page()
        page.insert_text((72, 100), f"{chapter} chapter", fontsize=24)
        page.insert_textbox((72, 130, 523, 200), f"{chapter} intro. " + PROSE, fontsize=11)
        for number in (1, 2):
            page.insert_text((72, 60 + 200 * number), f"{chapter} section {number}", fontsize=16)
            page.insert_textbox((72, 70 + 200 * number, 523, 250 + 200 * number), PROSE * 3, fontsize=11)


def test_a_chunk_never_crosses_a_heading_of_its_own_or_a_higher_level(tmp_path: Path) -> None:
    """Text of two chapters would be found under one title."""
    chunks = run(save(tmp_path, sections), chunk_size_tokens=4000, chunk_overlap_tokens=0).chunks
    assert all(("Alpha" in chunk.text) != ("Beta" in chunk.text) for chunk in chunks)
    for chunk in chunks:
        assert chunk.text.count("section 1") + chunk.text.count("section 2") <= 2
    assert {chunk.heading_path[0] for chunk in chunks} == {"Alpha chapter", "Beta chapter"}


def test_small_chunks_carry_the_path_of_their_headings(tmp_path: Path) -> None:
    """A chunk would not say which section it is from."""
    chunks = run(save(tmp_path, sections), chunk_size_tokens=64, chunk_overlap_tokens=8).chunks
    paths = {tuple(chunk.heading_path) for chunk in chunks}
    assert ("Beta chapter", "Beta section 2") in paths


def test_a_chunk_that_crosses_columns_has_a_box_in_each(tmp_path: Path) -> None:
    """A chunk from the foot of one column to the head of the next would seem to be the whole page."""

    def draw(document: Any) -> None:
        page = document.new_page()
        page.insert_text(
            (72, 60), "A line that runs over both of the columns of this page, in full", fontsize=15
        )
        for x in (72, 320):
            page.insert_textbox((x, 100, x + 203, 700), PROSE * 4, fontsize=11)
        page.insert_text(
            (72, 720), "Another line that runs over both of the columns, below them", fontsize=15
        )

    (chunk,) = run(save(tmp_path, draw), chunk_size_tokens=4000).chunks
    places = [tuple(round(edge, -1) for edge in (box.box[0], box.box[2])) for box in chunk.boxes]
    assert places == [(70, 470), (70, 270), (320, 520), (70, 470)]
    assert chunk.page_numbers == [1]


def long_text(document: Any) -> None:
    """Nine hundred words over several pages."""
    words = WORDS.split()
    for start in range(0, len(words), 300):
        page = document.new_page()
        page.insert_textbox((72, 100, 523, 740), " ".join(words[start : start + 300]), fontsize=11)


def test_each_column_and_what_is_below_have_a_box_around_all_of_their_lines() -> None:
    """Only the first line of the second column would be the place of a chunk, or each line below."""
    left, right = (0, 1000), (1200, 2200)
    lines = [(x0, y, x1, y + 10) for x0, x1 in (left, right) for y in (100, 200, 300)]
    lines += [(0, 400, 2200, 410), (0, 500, 2200, 510)]  # below both
    pieces = [("word ", 1, box) for box in lines]
    (chunk,) = make_chunks(
        [Passage(TEXT, pieces, size=10)], ingest_key="k", limit=999, overlap=0, count=_letters
    )
    assert [place.box for place in chunk.boxes] == [(0, 1, 10, 3.1), (12, 1, 22, 3.1), (0, 4, 22, 5.1)]


def test_chunks_keep_to_their_size_and_lose_nothing(tmp_path: Path) -> None:
    """A chunk would not fit the model it is cut for, or words fall between two chunks."""
    result = run(save(tmp_path, long_text), chunk_size_tokens=100, chunk_overlap_tokens=20)
    assert all(0 < chunk.token_count <= 100 for chunk in result.chunks)
    seen = {word for chunk in result.chunks for word in chunk.text.split()}
    assert seen == set(WORDS.split())
    assert result.chunks_created == len(result.chunks)
    assert [chunk.index for chunk in result.chunks] == list(range(len(result.chunks)))


def test_a_section_cut_by_size_overlaps(tmp_path: Path) -> None:
    """A sentence at the cut would be found in neither chunk as a whole."""
    path = save(tmp_path, long_text)
    chunks = run(path, chunk_size_tokens=100, chunk_overlap_tokens=40).chunks
    for before, after in pairwise(chunks):
        assert set(before.text.split()) & set(after.text.split())
    chunks = run(path, chunk_size_tokens=100, chunk_overlap_tokens=0).chunks
    assert sum(len(chunk.text.split()) for chunk in chunks) == len(WORDS.split())


def test_a_chunk_says_where_it_stands(tmp_path: Path) -> None:
    """A hit could not be shown on its page, or would be shown on the wrong one."""
    result = run(save(tmp_path, long_text), chunk_size_tokens=100, chunk_overlap_tokens=0)
    for chunk in result.chunks:
        assert chunk.page_numbers == sorted({box.page_number for box in chunk.boxes})
        assert chunk.sha256 == hashlib.sha256(chunk.text.encode()).hexdigest()
        first = int(chunk.text.split()[0].removeprefix("word"))
        assert chunk.page_numbers[0] == first // 300 + 1
        for box in chunk.boxes:
            x0, y0, x1, y1 = box.box
            assert 70 <= x0 < x1 <= 530
            assert 90 <= y0 < y1 <= 745


def test_a_line_longer_than_a_chunk_is_cut(tmp_path: Path) -> None:
    """One endless line would make one endless chunk."""

    def draw(document: Any) -> None:
        page = document.new_page(width=14000)
        page.insert_text((20, 100), WORDS[:3000] + " " + "x" * 1500)

    result = run(save(tmp_path, draw), chunk_size_tokens=50, chunk_overlap_tokens=0)
    assert len(result.chunks) > 10
    assert all(0 < chunk.token_count <= 50 for chunk in result.chunks)
    assert "".join(chunk.text for chunk in result.chunks).replace(" ", "").endswith("x" * 1500)


def test_a_list_is_a_list(tmp_path: Path) -> None:
    """The content type of a chunk would say nothing."""

    def draw(document: Any) -> None:
        page = document.new_page()
        for row in range(5):
            page.insert_text((72, 100 + 14 * row), f"\u2022 item number {row}")

    (chunk,) = run(save(tmp_path, draw)).chunks
    assert chunk.content_type is ContentType.LIST
    assert chunk.text.count("\n") == 4


def test_the_number_of_tokens_is_exact(tmp_path: Path) -> None:
    """A chunk would be longer than it says, and be cut off by the model it is given to."""
    chunks = run(save(tmp_path, sections), chunk_size_tokens=64, chunk_overlap_tokens=16).chunks
    assert [chunk.token_count for chunk in chunks] == load_tokenizer("cl100k_base")(
        [chunk.text for chunk in chunks]
    )


def test_a_single_row_of_a_table_is_not_cut(tmp_path: Path) -> None:
    """Half a row would stand under the wrong columns."""

    def draw(document: Any) -> None:
        cells = [["Name", "Amount", "Remark"]]
        cells += [[f"item of number {row}", f"{row * 1234567}", f"paid or open {row}"] for row in range(5)]
        ruled(document.new_page(), 100, cells)

    result = run(save(tmp_path, draw), chunk_size_tokens=16, chunk_overlap_tokens=0)
    long = [chunk for chunk in result.chunks if chunk.token_count > 16]
    assert all(chunk.content_type is ContentType.TABLE for chunk in long)
    assert len(long) >= 3
    assert all(chunk.text.count("item of") <= 1 for chunk in long)
    assert all(any(f"paid or open {row} |" in chunk.text for chunk in result.chunks) for row in range(5))


def _count_lines_too(texts: Sequence[str]) -> list[int]:
    """A tokenizer that adds a token between two lines."""
    return [len(text.split()) + text.strip().count("\n") for text in texts]


def _cut(passages: list[Passage], limit: int) -> list[Chunk]:
    return make_chunks(passages, ingest_key="k", limit=limit, overlap=4, count=_count_lines_too)


def test_the_limit_holds_where_joined_pieces_are_longer_than_their_sum() -> None:
    """Chunks would be too long for whoever gave the limit."""
    passages = [
        Passage(TEXT, [(f"word{number} and another one", 1, (0, 0, 100, 10))], size=10)
        for number in range(40)
    ]
    chunks = _cut(passages, 16)
    assert max(chunk.token_count for chunk in chunks) <= 16
    assert {word for chunk in chunks for word in chunk.text.split() if "word" in word} == {
        f"word{number}" for number in range(40)
    }
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))


def test_rows_keep_their_header_where_joined_ones_are_longer_than_their_sum() -> None:
    """Rows would lose the names of their columns, or be cut in the middle."""
    rows = [f"| {number} | some text |\n" for number in range(9)]
    pieces = [(text, 1, (0, 0, 100, 10)) for text in ["| no | what |\n", *rows]]
    chunks = _cut([Passage(TABLE, pieces, size=10)], 18)
    assert max(chunk.token_count for chunk in chunks) <= 18
    assert all(chunk.text.startswith("| no |") for chunk in chunks)
    assert [line + "\n" for chunk in chunks for line in chunk.text.splitlines()[1:]] == rows


def one_line(kind: str, text: str) -> Passage:
    """A passage of one line."""
    return Passage(kind, [(text, 1, (0, 0, 100, 10))], size=1000)


def test_what_was_counted_early_is_not_counted_again() -> None:
    """Workers that help with a document would count its tokens for nothing."""
    passages = [one_line(TEXT, "a line"), one_line(ITEM, "- an item")]
    count_early(passages, _count_lines_too)
    counted: list[str] = []

    def count(texts: Sequence[str]) -> list[int]:
        counted.extend(texts)
        return _count_lines_too(texts)

    assert [passage.tokens for passage in count_passages(passages, count)] == [2, 3]
    assert counted == []


def _letters(texts: Sequence[str]) -> list[int]:
    return list(map(len, texts))


def _go_on(passage: Passage) -> None:
    passage.append(one_line(TEXT, "and what goes on with it"))


def _head(passage: Passage) -> None:
    passage.make_heading(2)


def _decide_hyphens(passage: Passage) -> None:
    hyphens = Hyphens()
    hyphens.see([passage], 1)
    hyphens.undo()


@pytest.mark.parametrize("change", [_go_on, _head, _decide_hyphens])
def test_a_passage_that_changes_is_counted_again(change: Callable[[Passage], None]) -> None:
    """Chunks would be too long, or shorter than they may be, where several workers have read a document."""
    passage = one_line(ITEM, "- all inter-")
    passage.append(one_line(TEXT, "national treaties"))
    passage.tokens = 99
    change(passage)
    assert passage.tokens == 0
    (counted,) = count_passages([passage], _letters)
    assert counted.tokens == sum(len(text) for text, _, _ in counted.pieces)


def test_a_passage_with_a_hyphen_to_be_decided_is_not_counted_early() -> None:
    """Its length would be that of a text that is not to stay."""
    passage = one_line(TEXT, "all inter-")
    passage.append(one_line(TEXT, "national treaties"))
    count_early([passage], _count_lines_too)
    assert passage.tokens == 0


def test_passages_are_given_up_as_they_are_cut() -> None:
    """A document of thousands of pages would be in memory twice, as passages and as chunks."""
    passages = [
        Passage(TEXT, [(f"word{number} and more", 1, (0, 0, 100, 10))], size=10) for number in range(40)
    ]
    assert _cut(passages, 16)
    assert not passages
