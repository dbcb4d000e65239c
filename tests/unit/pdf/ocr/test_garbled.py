"""Letters that are no language's are told from those that are, whatever the language."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.pdf.garbled import has_wrong_letters
from support.made_pdf import only_page, run, save
from support.scans import STORY

import pymupdf  # isort: skip

ENGLISH = " ".join(STORY) * 2
TEXTS = {
    "English": ENGLISH,
    "English in capitals": ENGLISH.upper(),
    "German": "Der Leuchtturmwärter zählte siebzehn Schiffe, bevor der Nebel am Abend den Hafen verdeckte. "
    * 3,
    "French": "Le gardien du phare comptait dix-sept navires avant que le brouillard ne couvre le port. " * 3,
    "Polish": "Latarnik policzył siedemnaście statków, zanim wieczorna mgła przykryła cały stary port. " * 3,
    "Finnish": "Majakanvartija laski seitsemäntoista alusta ennen kuin iltasumu peitti koko sataman. " * 3,
    "Vietnamese": "Người canh hải đăng đếm mười bảy con tàu trước khi sương mù buổi chiều che phủ cảng. " * 3,
    "Russian": "Смотритель маяка насчитал семнадцать судов до того, как туман закрыл всю гавань. " * 3,
    "Chinese": "灯塔看守人在傍晚的雾气笼罩港口之前数了十七艘船。" * 12,
    "a table of figures": "2019 14.3 17.9 22.1 n/a 2020 15.1 18.2 23.4 n/a total 29.4 36.1 45.5 " * 6,
    "code": "for (int i = 0; i < n; ++i) { if (a[i] > max) max = a[i]; sum += a[i] * b[i]; } return sum / n; "
    * 3,
}


def shifted(text: str, by: int) -> str:
    """What a font gives whose glyphs are counted from another place."""
    return "".join(chr(ord(letter) + by) if 32 < ord(letter) + by < 127 else letter for letter in text)


def is_garbled(text: str) -> bool:
    config = PDFProcessorConfig()
    return has_wrong_letters(
        text, min_letters=config.garbled_min_letters, similarity=config.garbled_letter_similarity
    )


@pytest.mark.parametrize("name", TEXTS)
def test_text_of_any_kind_is_left_alone(name: str) -> None:
    """Good text would be painted and read again, slowly and worse."""
    assert not is_garbled(TEXTS[name])


@pytest.mark.parametrize("by", [-29, -31, 1, 3, 5])
@pytest.mark.parametrize("name", ["English", "German", "French"])
def test_a_shifted_alphabet_is_garbled(name: str, by: int) -> None:
    """Nonsense with spaces in it would go for words."""
    assert is_garbled(shifted(TEXTS[name], by))


def test_cyrillic_that_was_taken_for_latin_is_garbled() -> None:
    """A page of accented letters would go for text."""
    assert is_garbled(TEXTS["Russian"].encode("cp1251").decode("latin-1"))


@pytest.mark.parametrize("letters", ["ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", "0123456789ABCDEF", "ACGT"])
def test_codes_are_not_garbled(letters: str) -> None:
    """Serial numbers, dumps and sequences would be read again: their letters are even, or too few."""
    chance = random.Random(4)
    codes = ["".join(chance.choices(letters, k=10)) for _ in range(60)]
    assert not is_garbled(" ".join(codes))


def test_of_a_few_words_nothing_is_said() -> None:
    """A label or a chemical formula would be enough to doubt a page."""
    assert not is_garbled(shifted("The quick brown fox", -29))


def test_a_page_of_a_shifted_alphabet_is_reported(tmp_path: Path) -> None:
    """Its nonsense would be handed out as text, without a word."""

    def draw(document: pymupdf.Document) -> None:
        document.new_page().insert_textbox((72, 72, 500, 700), shifted(ENGLISH, 1))

    page = only_page(run(save(tmp_path, draw), ocr_engine="none"))
    assert page.warnings == ["W_PAGE_GARBLED_TEXT"]
