"""Captions are told by one grammar, beside tables and in the text."""

from __future__ import annotations

import pytest

from ingestkit_pdf.pdf.captions import CAPTION, TABLE_CAPTION


@pytest.mark.parametrize(
    "text",
    [
        "Table 3. Prices",
        "Tabel 3. Prijzen",
        "Tabell 2: Priser",
        "Taulukko 1. Hinnat",
        "Tab. A-1: x",
        "\u8868 2 \u4ef7",
    ],
)
def test_what_is_a_caption_for_a_table_is_one_in_the_text(text: str) -> None:
    """The caption of a table would be apart from the body in English, and part of it in Dutch."""
    assert TABLE_CAPTION.match(text)
    assert CAPTION.match(text)


@pytest.mark.parametrize(
    "text", ["TABLE OF CONTENTS", "Tables are", "Tabletop 3", "Box office", "Table Of things"]
)
def test_other_words_are_no_captions(text: str) -> None:
    """Contents would be the caption of whatever table is near."""
    assert not TABLE_CAPTION.match(text)
    assert not CAPTION.match(text)
