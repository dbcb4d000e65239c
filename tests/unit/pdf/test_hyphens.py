"""Hyphens at the ends of lines: those that cut a word go, those that are its own stay."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ingestkit_pdf.pdf.apart import open_passage
from ingestkit_pdf.pdf.hyphens import Hyphens
from ingestkit_pdf.pdf.paragraphs import CAPTION, TEXT
from ingestkit_pdf.pdf.passages import Passage
from support.made_pdf import PROSE, run, save, write_lines


def text_of(tmp_path: Path, lines: Sequence[str], *elsewhere: str) -> str:
    """The first paragraph of a document; `elsewhere` are lines on its second page."""

    def draw(document: Any) -> None:
        write_lines(document.new_page(), [(72, line) for line in lines])
        if elsewhere:
            write_lines(document.new_page(), [(72, line) for line in elsewhere])

    return run(save(tmp_path, draw)).markdown.partition("\n")[0]


@pytest.mark.parametrize(
    ("before", "after", "whole"),
    [
        ("Here the (inter-", "national) court met", "the (international) court"),
        ('He said "inter-', 'esting things" of it', 'said "interesting things"'),
        ("It is the anti-inflam-", "matory drug that they use", "the anti-inflammatory drug"),
        ("The parents asked for l'ex-", "ploitation of it", "l'exploitation of it"),
        ("This is the state-of-", "the-art museum, of the city", "the state-of-the-art museum"),
        ("This is a branch-and-", "bound method, of course", "a branch-and-bound method"),
        ("It is said in tools/recommenda-", "tions of the year", "tools/recommendations of"),
        ("The option --force-", "biarch of the program", "option --force-biarch of"),
        ("From the year 2014-", "and on to 2015-16 it is", "the year 2014- and on"),
        ("The pre-", "and post-war years were long", "The pre- and post-war years"),
        ("Alle Vor-", "und Nachteile werden genannt", "Alle Vor- und Nachteile"),
        ("A well-", "known author wrote this book", "A well-known author"),
        ("This is Mr Smith-", "Jones of the office", "Mr Smith-Jones of"),
        ("They send an e-", "mail about Covid-19 to us", "an e-mail about"),
        ("They write about Covid-", "19 in all of the books", "about Covid-19 in"),
    ],
)
def test_what_a_hyphen_is_shows_in_its_words(tmp_path: Path, before: str, after: str, whole: str) -> None:
    """Words would stay in two pieces, or lose a hyphen that is theirs."""
    assert whole in text_of(tmp_path, [before, after])


def test_a_word_is_joined_as_the_document_has_it_elsewhere(tmp_path: Path) -> None:
    """`non-normal` would become `nonnormal` in the middle of a text that is about it."""
    lines = ["It is a non-", "normal form of the dis-", "tance of all, and col-", "BERT is its name"]
    text = text_of(
        tmp_path, lines, "What is non-normal is rare, and the distance is long, and colBERT", PROSE
    )
    assert text == "It is a non-normal form of the distance of all, and colBERT is its name"


def test_a_hyphen_inside_of_emphasis_leaves_it_whole(tmp_path: Path) -> None:
    """Markdown would close and open the emphasis in the middle of a word."""

    def draw(document: Any) -> None:
        page = document.new_page()
        page.insert_text((72, 100), "Here the law is", fontsize=11)
        page.insert_text((152, 100), "inter-", fontsize=11, fontname="hebo")
        page.insert_text((72, 114), "national", fontsize=11, fontname="hebo")
        page.insert_text((122, 114), "in all of its parts", fontsize=11)

    assert run(save(tmp_path, draw)).markdown == "Here the law is **international** in all of its parts\n"


def test_a_word_goes_on_behind_the_number_of_a_page(tmp_path: Path) -> None:
    """In documents of two pages, where no footer is known, a word would stay cut by the page's number."""

    def draw(document: Any) -> None:
        document.new_page(), document.new_page()
        first, second = document
        first.insert_textbox((72, 100, 523, 700), PROSE * 4, fontsize=11)
        write_lines(
            first,
            [(72, "At the very end of the page the commission decided that all of the interna-")],
            top=720,
        )
        write_lines(second, [(72, "tional treaties are to be kept.")])
        for number, page in enumerate((first, second), start=1):
            page.insert_text((290, 820), f"- {number} -", fontsize=9)

    assert "of the international treaties are" in run(save(tmp_path, draw)).markdown


def passage(kind: str, text: str) -> Passage:
    """A passage of one line."""
    return Passage(kind, [(text, 1, (0, 0, 100, 10))], size=1000)


def test_words_of_all_pages_decide_whenever_they_are_taken_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a long document a word would be joined or not by how far away it stands otherwise."""
    monkeypatch.setattr("ingestkit_pdf.pdf.hyphens._PENDING", 2)
    passages = [
        passage(TEXT, "An under-scored clause, and others."),
        passage(TEXT, "Some inter-"),
        passage(TEXT, "Things of a kind, words."),
        passage(TEXT, "An under-"),
        passage(TEXT, "An international (re-elected) body."),
    ]
    passages[1].append(passage(TEXT, "national treaties"))
    passages[3].append(passage(TEXT, "scored body"))
    hyphens = Hyphens()
    for end in range(1, len(passages) + 1):
        hyphens.see(passages, end)
    hyphens.undo()
    assert [one.text for one in passages][1:4:2] == ["Some international treaties", "An under-scored body"]


def test_each_passage_is_taken_in_once_and_when_it_is_whole() -> None:
    """A word that goes on on the next page would count as two, or a document of captions over and over."""
    passages = [passage(CAPTION, "Figure 1: a court"), passage(CAPTION, "Figure 2: a treaty")]
    assert open_passage(passages) == len(passages)
    hyphens = Hyphens()
    hyphens.see(passages, open_passage(passages))
    passages += [passage(TEXT, "All of the inter-"), passage(CAPTION, "Figure 3: a seal")]
    assert open_passage(passages) == 2
    hyphens.see(passages, open_passage(passages))
    passages[2].append(passage(TEXT, "national treaties"))
    passages.append(passage(TEXT, "national parks and inter-urban ones"))
    for _ in range(2):
        hyphens.see(passages, len(passages))
    hyphens.undo()
    assert passages[2].text == "All of the international treaties"
    assert hyphens._seen == len(passages)
    assert len(hyphens._cut) == 1
