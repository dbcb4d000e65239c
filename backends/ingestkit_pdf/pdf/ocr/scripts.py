"""Which script a language of Tesseract's is written in, and which script a text is."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence

__all__ = ["can_run_down", "languages_of_script", "script_of"]

_LATIN = "Latin"
_LANGUAGES = {
    "Arabic": "ara fas kur_ara pus snd uig urd",
    "Armenian": "hye",
    "Bengali": "asm ben",
    "Cyrillic": "bel bul kaz kir mkd mon rus srp tat tgk ukr uzb_cyrl aze_cyrl",
    "Devanagari": "hin mar nep san",
    "Ethiopic": "amh tir",
    "Georgian": "kat kat_old",
    "Greek": "ell grc",
    "Gujarati": "guj",
    "Gurmukhi": "pan",
    "Han": "chi_sim chi_sim_vert chi_tra chi_tra_vert",
    "Hangul": "kor kor_vert",
    "Hebrew": "heb yid",
    "Japanese": "jpn jpn_vert",
    "Kannada": "kan",
    "Khmer": "khm",
    "Lao": "lao",
    "Malayalam": "mal",
    "Myanmar": "mya",
    "Oriya": "ori",
    "Sinhala": "sin",
    "Syriac": "syr",
    "Tamil": "tam",
    "Telugu": "tel",
    "Thaana": "div",
    "Thai": "tha",
    "Tibetan": "bod dzo",
}
_SCRIPTS = {language: script for script, names in _LANGUAGES.items() for language in names.split()}
_ALIKE = {"Korean": "Hangul", "HanS": "Han", "HanT": "Han", "Katakana": "Japanese", "Hiragana": "Japanese"}
_EAST_ASIAN = {"Han", "Japanese", "Hangul"}  # the detector takes one for the other
_NAMES = {"CJK": "Han", "KATAKANA": "Japanese", "HIRAGANA": "Japanese"}
_SAMPLE = 400  # letters by which a script is told


def _script(language: str) -> str:
    if language.startswith("script/"):
        name = language.removeprefix("script/").removesuffix("_vert")
        return _ALIKE.get(name, name)
    return _SCRIPTS.get(language, _LATIN)


def languages_of_script(languages: Sequence[str], script: str) -> list[str]:
    """The languages that a page in `script` can hold: those of the script and those in Latin letters.

    Without a script, those of the first language's; all where none is left.
    """
    wanted = _ALIKE.get(script, script) or _script(languages[0])
    kept = [
        language
        for language in languages
        if (own := _script(language)) in {wanted, _LATIN} or {own, wanted} <= _EAST_ASIAN
    ]
    return (
        kept if any(_script(language) != _LATIN for language in kept) or wanted == _LATIN else list(languages)
    )


def can_run_down(languages: Sequence[str]) -> bool:
    """True when one of the languages is also written in lines from top to bottom."""
    return any(_script(language) in _EAST_ASIAN for language in languages)


def script_of(text: str) -> str:
    """The script of most letters of a text: `Latin`, `Cyrillic`, `Han`, ...; empty where there are none."""
    names: Counter[str] = Counter()
    for letter in [letter for letter in text if letter.isalpha()][:_SAMPLE]:
        name = unicodedata.name(letter, "").partition(" ")[0]
        names[_NAMES.get(name, name.capitalize())] += 1
    return max(names, key=lambda name: (names[name], name), default="")
