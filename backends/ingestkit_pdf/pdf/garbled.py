"""Text whose letters are not those of any language: fonts that count their glyphs from another place.

Such text is printable and has words, so only its letters tell: "7KH TXLFN EURZQ IR[" is "The quick brown
fox", each letter 29 places off. It has the unevenness of a language (a few letters make most of it), but with
the wrong letters; codes, part numbers and tables of figures are even, or have hardly any letters.
"""

from __future__ import annotations

import math
import re
from operator import mul

__all__ = ["has_wrong_letters"]

_ALPHABET = "abcdefghijklmnopqrstuvwxyz"

# Letters a to z in a thousand, accents left off (https://en.wikipedia.org/wiki/Letter_frequency).
_KNOWN = {
    "English": "82 15 28 43 127 22 20 61 70 2 8 40 24 67 75 19 1 60 63 91 28 10 24 2 20 1",
    "German": "65 19 27 51 164 17 30 46 66 3 14 34 25 98 26 7 0 70 73 62 42 8 19 0 0 11",
    "French": "76 9 33 37 147 11 9 7 75 8 1 55 30 71 58 25 14 67 79 72 63 18 0 4 1 3",
    "Spanish": "115 22 40 50 122 7 18 7 62 5 0 50 32 67 87 25 9 69 80 46 29 11 0 2 10 5",
    "Portuguese": "146 10 39 50 126 10 13 8 62 4 0 28 47 44 97 25 12 65 68 43 36 16 0 3 0 5",
    "Italian": "117 9 45 37 118 12 16 6 101 0 0 65 25 69 98 31 5 64 50 56 30 21 0 0 0 12",
    "Dutch": "75 16 12 59 189 8 34 24 65 15 23 36 22 100 61 16 0 64 37 68 20 29 15 0 0 14",
    "Polish": "105 17 39 37 74 1 17 10 83 18 28 24 25 62 67 24 0 52 52 25 22 0 58 0 32 49",
    "Swedish": "94 15 15 47 101 20 29 21 58 6 31 53 35 85 45 18 0 84 66 77 19 24 1 2 7 1",
    "Finnish": "122 3 3 10 80 2 4 19 108 20 50 58 32 88 56 18 0 29 79 88 50 23 0 0 17 1",
    "Turkish": "129 28 15 49 94 4 13 11 96 1 57 59 38 80 29 9 0 79 41 34 51 10 0 0 33 15",
    "Czech": "84 8 7 35 76 1 1 14 62 15 29 38 26 65 67 19 0 48 52 57 21 53 0 1 11 16",
    "Indonesian": "204 26 8 43 83 3 37 23 82 10 51 33 42 93 13 26 0 46 42 56 50 2 6 0 16 1",
    "Vietnamese": "70 10 60 55 20 0 45 75 65 0 25 35 35 125 55 15 5 30 25 75 40 30 0 5 20 0",
    "Latin": "89 16 40 27 114 9 12 7 114 0 0 32 53 63 54 30 15 67 76 80 85 10 0 6 0 0",
}
_USUAL = {"e": 0.035, "a": 0.025, "n": 0.02, "i": 0.02}
"""Shares of the letters that nearly every page of a language in Latin letters reaches."""
_EVEN, _UNEVEN = 0.05, 0.12
"""Between these lies the chance that two letters of a text in some language are the same (Friedman 1922)."""
_SAMPLE = 2000  # characters are enough to tell
_LATIN_1 = re.compile("[\u00c0-\u00ff]")
_FOREIGN_SHARE = 0.6  # of accented letters: no language has as many, but Cyrillic read as Latin-1 has


def has_wrong_letters(text: str, *, min_letters: int, similarity: float) -> bool:
    """True when the letters of `text` are a language's, but those of none that is known.

    Args:
        text: Of a page.
        min_letters: Of fewer Latin ones, nothing is said.
        similarity: To the nearest language, below which they are no language's (cosine of the shares).
    """
    text = text[:_SAMPLE]
    if all(text.count(letter) >= share * len(text) for letter, share in _USUAL.items()):
        return False  # two pages in three, in some microseconds
    lowered = text.lower()
    counts = [lowered.count(letter) for letter in _ALPHABET]
    total = sum(counts)
    accented = 0 if text.isascii() else len(_LATIN_1.findall(text))
    if total + accented < min_letters:
        return False
    if accented > _FOREIGN_SHARE * (total + accented):
        return True
    if total < min_letters:
        return False
    coincidence = sum(count * (count - 1) for count in counts) / (total * (total - 1))
    if not _EVEN < coincidence < _UNEVEN:
        return False
    length = math.hypot(*counts)
    return not any(sum(map(mul, counts, shares)) >= similarity * length for shares in _SHARES)


def _of_length_one(row: str) -> list[float]:
    shares = [int(share) for share in row.split()]
    length = math.hypot(*shares)
    return [share / length for share in shares]


_SHARES = [_of_length_one(row) for row in _KNOWN.values()]
