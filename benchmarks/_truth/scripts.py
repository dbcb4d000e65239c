"""Documents in other scripts than Latin: their text beside what Poppler's pdftotext reads, their language."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import Counter
from pathlib import Path

from _truth.markdown import plain_text

__all__ = ["LANGUAGES", "script_documents", "script_languages", "similarity"]

LANGUAGES = {"zh": "zh", "ja": "ja", "ko": "ko", "arabic": "ar", "hebrew": "he", "cyr": "ru", "indic": "hi"}
"""Tag of the corpus's manifest → ISO 639 code of the language that its documents with this tag are in."""

_FOLDERS = ("valid/cjk", "valid/rtl", "valid/other-script", "bench/cjk", "bench/rtl")
_NOTHING = re.compile("[\\s\u00ad\u200b-\u200f\u202a-\u202e\ufeff.\u2026\\-\u2010-\u2015]+")


def script_documents(corpus: Path) -> list[Path]:
    """The documents of the corpus that are filed under a script."""
    return sorted(path for folder in _FOLDERS for path in (corpus / folder).glob("*.pdf"))


def script_languages(corpus: Path) -> dict[Path, str]:
    """The language of each of these documents that the manifest tells."""
    languages: dict[Path, str] = {}
    with (corpus / "manifest.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            told = [LANGUAGES[tag] for tag in row["tags"].split("|") if tag in LANGUAGES]
            if told and row["path"].startswith(_FOLDERS):
                languages[corpus / row["path"]] = told[0]
    return languages


def similarity(found: str, reference: str) -> float:
    """Share of the triples of letters that two texts have in common (Dice), white space and leaders aside.

    The order of larger parts does not count: that of two columns is another question.
    """
    ours, theirs = _triples(plain_text(found)), _triples(reference)
    return 2 * (ours & theirs).total() / max(ours.total() + theirs.total(), 1)


def _triples(text: str) -> Counter[str]:
    text = _NOTHING.sub("", unicodedata.normalize("NFKC", text))
    return Counter(text[index : index + 3] for index in range(len(text) - 2))
