"""Which languages a page is read in, and which script it is."""

from __future__ import annotations

import pytest

from ingestkit_pdf.pdf.ocr.scripts import can_run_down, languages_of_script, script_of


@pytest.mark.parametrize(
    ("languages", "script", "kept"),
    [
        (["eng"], "", ["eng"]),
        (["eng", "deu"], "Cyrillic", ["eng", "deu"]),
        (["eng", "rus"], "Latin", ["eng"]),
        (["eng", "rus"], "Cyrillic", ["eng", "rus"]),
        (["eng", "rus", "ell"], "Greek", ["eng", "ell"]),
        (["rus", "ell"], "Arabic", ["rus", "ell"]),
        (["chi_sim", "jpn", "eng"], "Japanese", ["chi_sim", "jpn", "eng"]),
        (["script/Cyrillic", "ara"], "Cyrillic", ["script/Cyrillic"]),
        (["kor", "eng", "heb"], "Korean", ["kor", "eng"]),
    ],
)
def test_languages_of_other_scripts_are_left_out(languages: list[str], script: str, kept: list[str]) -> None:
    """A page would be read in languages that it cannot be in, or not in the one it is in."""
    assert languages_of_script(languages, script) == kept


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Leuchtturm", "Latin"),
        ("Смотритель маяка, v2", "Cyrillic"),
        ("灯塔看守人", "Han"),
        ("שלום", "Hebrew"),
        ("12.50 %", ""),
    ],
)
def test_the_script_is_that_of_most_letters(text: str, script: str) -> None:
    """The result would name a script that the page does not have."""
    assert script_of(text) == script


def test_only_east_asian_text_may_run_down_the_page() -> None:
    """A page that lies on its side would be left so, or a Japanese one be turned."""
    assert can_run_down(["eng", "jpn"])
    assert not can_run_down(["eng", "rus"])
