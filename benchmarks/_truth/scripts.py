"""Text in other scripts than Latin, beside what Poppler's pdftotext reads of the same document."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from pathlib import Path

from _truth.markdown import plain_text

__all__ = ["script_documents", "similarity"]

_FOLDERS = ("valid/cjk", "valid/rtl", "valid/other-script", "bench/cjk", "bench/rtl")
_NOTHING = re.compile("[\\s\u00ad\u200b-\u200f\u202a-\u202e\ufeff.\u2026\\-\u2010-\u2015]+")


def script_documents(corpus: Path) -> list[Path]:
    """The documents of the corpus that are filed under a script."""
    return sorted(path for folder in _FOLDERS for path in (corpus / folder).glob("*.pdf"))


def similarity(found: str, reference: str) -> float:
    """Share of the triples of letters that two texts have in common (Dice), white space and leaders aside.

    The order of larger parts does not count: that of two columns is another question.
    """
    ours, theirs = _triples(plain_text(found)), _triples(reference)
    return 2 * (ours & theirs).total() / max(ours.total() + theirs.total(), 1)


def _triples(text: str) -> Counter[str]:
    text = _NOTHING.sub("", unicodedata.normalize("NFKC", text))
    return Counter(text[index : index + 3] for index in range(len(text) - 2))
