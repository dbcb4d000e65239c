"""Tokens: of a real vocabulary, or of a tokenizer of one's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingestkit_pdf.errors import ErrorCode
from ingestkit_pdf.pdf.counted import cut_piece
from ingestkit_pdf.pdf.lines import Line
from ingestkit_pdf.pdf.tokens import TokenizerError, load_tokenizer
from support.made_pdf import run, save
from support.tokenizers import word_tokenizer
from unit.pdf.test_chunking import long_text


def test_tokens_are_those_of_the_vocabulary() -> None:
    """Chunks would be cut for a model that does not exist."""
    count = load_tokenizer("cl100k_base")
    assert count(["hello world", "", "antidisestablishmentarianism", "汉字文本", "1234567"]) == [
        2,
        0,
        6,
        5,
        3,
    ]
    assert load_tokenizer("o200k_base")(["汉字文本"]) == [3]


def test_text_that_is_no_unicode_is_counted() -> None:
    """A document with half a character in it would have no result."""
    assert load_tokenizer("cl100k_base")(["a\ud800b", "ab"]) == [3, 1]


def test_a_tokenizer_of_ones_own_cuts_the_chunks(tmp_path: Path) -> None:
    """The option would be there and change nothing."""
    document = save(tmp_path, long_text)
    own = word_tokenizer(tmp_path / "words.json")
    result = run(document, tokenizer=str(own), chunk_size_tokens=100, chunk_overlap_tokens=0)
    assert {len(chunk.text.split()) for chunk in result.chunks[:-1]} <= set(range(80, 101))
    assert all(chunk.token_count == len(chunk.text.split()) for chunk in result.chunks)


def test_the_ingest_key_follows_the_content_of_the_tokenizer(tmp_path: Path) -> None:
    """A corrected tokenizer would give other chunks under the same key, or a moved one another key."""
    document = save(tmp_path, long_text)
    first = run(document, tokenizer=str(word_tokenizer(tmp_path / "a.json"))).ingest_key
    moved = run(document, tokenizer=str(word_tokenizer(tmp_path / "b.json"))).ingest_key
    other = run(document, tokenizer=str(word_tokenizer(tmp_path / "c.json", unknown="[WHAT]"))).ingest_key
    assert first == moved
    assert first != other
    assert first != run(document).ingest_key


@pytest.mark.parametrize("content", [None, "{}", "no JSON"])
def test_a_tokenizer_that_cannot_be_used_is_a_clear_error(tmp_path: Path, content: str | None) -> None:
    """A wrong path would be an exception of a library, or chunks of another tokenizer."""
    path = tmp_path / "own.json"
    if content is not None:
        path.write_text(content)
    result = run(save(tmp_path, long_text), tokenizer=str(path))
    assert result.errors == [ErrorCode.E_PROCESS_CHUNK]
    assert str(path) in result.error_details[0].message


def test_what_is_no_tokenizer_is_refused_by_name(tmp_path: Path) -> None:
    """The message would not say what is wrong with the file."""
    path = tmp_path / "list.json"
    path.write_text(json.dumps([1, 2]))
    with pytest.raises(TokenizerError, match=r"list\.json is not a tokenizer\.json"):
        load_tokenizer(str(path))


def test_letters_that_are_several_tokens_each_are_cut_to_fit() -> None:
    """A line of rare characters without a space would be one chunk that is far too long."""
    count = load_tokenizer("cl100k_base")
    text = "\U00013000" * 300
    parts = cut_piece((text, 1, Line((0, 0, 1, 1), 1, 0)), 16, count)
    assert "".join(piece[0] for piece, _ in parts) == text
    assert max(count([piece[0] for piece, _ in parts])) <= 16
