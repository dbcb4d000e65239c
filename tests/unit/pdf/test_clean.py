"""Letters as they are meant: ligatures and wide letters are plain ones, all else stays what it is."""

from __future__ import annotations

import pytest

from ingestkit_pdf.pdf.text import clean


@pytest.mark.parametrize(
    ("drawn", "meant"),
    [
        ("the \ufb01nal rate of 10\u2076, E = mc\u00b2", "the final rate of 10\u2076, E = mc\u00b2"),
        ("\u00bd cup of \ufb02our, trademark\u2122", "\u00bd cup of flour, trademark\u2122"),
        (
            "a gradua\u00e7\u00e3o, a gradua\u0063\u00b8\u00e3o",
            "a gradua\u00e7\u00e3o, a gradua\u00e7\u00e3o",
        ),
        ("Aviac\u00b8a\u02dco", "Avia\u00e7a\u02dco"),
        ("\uff21\uff22\uff23\u3000\u2163", "ABC IV"),
        ("\ufeff\ufef3\ufed4", "\u064a\u0641"),
    ],
)
def test_only_the_shapes_of_letters_are_made_plain(drawn: str, meant: str) -> None:
    """A ligature in a line would make another number of its exponents and fractions."""
    assert clean(drawn) == meant


def test_what_has_no_width_goes() -> None:
    """Words would not be found for what nobody sees in them."""
    assert clean("zero\u200bwidth \u200eto the right\u200f, \ufeffmark") == "zerowidth to the right, mark"


def test_a_soft_hyphen_is_nothing_in_a_word_and_a_minus_before_a_number() -> None:
    """A number would lose its minus, or a word keep the places where it may be cut."""
    assert clean("inter\u00adna\u00adtional at \u00ad5 degrees, 3\u00ad4, trea\u00ad") == (
        "international at -5 degrees, 3-4, trea-"
    )
