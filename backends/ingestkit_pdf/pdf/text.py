"""Text as it is meant: ligatures and accents resolved, lines joined."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["LINE_HYPHEN", "UNSPACED", "clean", "ends_clause", "ends_sentence", "with_join"]

LINE_HYPHEN = "\u00ad"
"""Stands for the hyphen between two lines until the whole document is known, see `hyphens.py`."""

UNSPACED = re.compile("[\u2e80-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uff60]")
"""Letters of scripts that put no space between words."""

_SENTENCE_STOPS = (".", "!", "?", "\u3002", "\uff01", "\uff1f", "\u061f", "\u06d4")
_CLAUSE_STOPS = (*_SENTENCE_STOPS, ":", ";", "\uff1a", "\uff1b")
_CLOSERS = "\"'\u201d\u2019\u00bb)]"
_SHAPES = "\ufb00-\ufdff\ufe70-\ufefe\u2160-\u217f\uff01-\uff5e\u3000"
_HYPHENS = ("-", "\u2010")
_NO_WIDTH = "\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff"
_ZERO_WIDTH = re.compile(f"[{_NO_WIDTH}]+")
_COMPATIBILITY = re.compile(f"[{_SHAPES}]+")
_CEDILLA = re.compile("(?<=[CcSsTt])\u00b8")  # on the letter before it, whatever comes then
_SOFT_HYPHEN = re.compile(r"(?<=[^\W\d_])\u00ad+(?=[^\W\d_])")
_LEADERS = re.compile(r"(?:\s*\.){4,}\s*")
_COMBINING = {
    "\u00b4": "\u0301",
    "\u00a8": "\u0308",
    "\u02c6": "\u0302",
    "\u02dc": "\u0303",
    "\u02c7": "\u030c",
    "\u02d8": "\u0306",
    "\u02da": "\u030a",
    "\u02dd": "\u030b",
}
_ACCENTED = frozenset("AEIOUYCNSZRTaeiouycnszrt")
_VOWELS = frozenset("AEIOUaeiou")
_UNCLEAN = re.compile(f"[{_SHAPES}{_NO_WIDTH}{''.join(_COMBINING)}\u00ad\u00b8]")
_LOOSE_ACCENT = re.compile(rf"([A-Za-z]?)([{''.join(_COMBINING)}])([A-Za-z]?)")


def clean(text: str) -> str:
    """Shorten leaders; resolve ligatures, Arabic shapes, wide letters, loose and separate accents (NFC).

    What has no width goes. A soft hyphen in a word shows nothing; elsewhere fonts have it for a hyphen.
    """
    text = text.strip()
    if "...." in text or ". . ." in text:
        text = _LEADERS.sub(" \u2026 ", text).strip()
    if not text.isascii():
        if _UNCLEAN.search(text):
            text = _LOOSE_ACCENT.sub(_composed, _without_shapes(text))
        if not unicodedata.is_normalized("NFC", text):
            text = unicodedata.normalize("NFC", text)
    return text


def _without_shapes(text: str) -> str:
    text = _ZERO_WIDTH.sub("", text)
    text = _CEDILLA.sub("\u0327", text)
    text = _SOFT_HYPHEN.sub("", text).replace("\u00ad", "-")
    return _COMPATIBILITY.sub(
        _plain, text
    ).strip()  # not all of it: 10\u2076 and \u00bd would become other numbers


def _plain(match: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", match.group())


def _composed(match: re.Match[str]) -> str:
    """Put an accent that stands by itself on its letter: the next one (TeX), or the one before.

    Where Unicode has both pairs a vowel is meant rather than a consonant; between two vowels nothing tells
    which, and the text stays as it is.
    """
    before, accent, after = match.groups()
    on_before = unicodedata.normalize("NFC", before + _COMBINING[accent]) if before in _ACCENTED else ""
    on_after = unicodedata.normalize("NFC", after + _COMBINING[accent]) if after in _ACCENTED else ""
    fits_before, fits_after = len(on_before) == 1, len(on_after) == 1
    if fits_before and fits_after:
        fits_before, fits_after = before in _VOWELS, after in _VOWELS
    if fits_before == fits_after:
        return match.group()
    return before + on_after if fits_after else on_before + after


def with_join(before: str, after: str) -> str:
    """`before` with what stands between it and the next line: a space, nothing, or a `LINE_HYPHEN`."""
    if before.endswith(_HYPHENS) and before[-2:-1].isalnum() and after[:1].isalnum():
        return before[:-1] + LINE_HYPHEN
    if not before.isascii() and UNSPACED.match(before[-1:]) and UNSPACED.match(after[:1]):
        return before
    return before + " "


def ends_sentence(text: str) -> bool:
    """True when a text ends in a full stop or the like, quotes and brackets behind it aside."""
    return text.rstrip().rstrip(_CLOSERS).endswith(_SENTENCE_STOPS)


def ends_clause(text: str) -> bool:
    """True when a text ends in a full stop, a colon, a semicolon or the like."""
    return text.rstrip().rstrip(_CLOSERS).endswith(_CLAUSE_STOPS)
