"""Where Tesseract's language data are, and what to install where some are missing.

By itself, because the sandbox, the daemon's settings and the engine all ask, and none needs the others.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

__all__ = ["BINDING", "LANGUAGE_PATTERN", "lacking_ocr", "languages_in", "tessdata_folder"]

BINDING = "tesserocr"
"""The module that the engine is reached through."""

LANGUAGE_PATTERN = r"^(?:script/)?[A-Za-z]{3,20}(?:_[A-Za-z0-9]{1,12}){0,2}$"
"""A language of Tesseract's: `eng`, `chi_sim`, `script/Latin`; no other path."""

_VARIABLE = "TESSDATA_PREFIX"
_ENDING = ".traineddata"
_ORIENTATION = "osd"
_PLACES = (
    "/usr/share/tesseract-ocr/5/tessdata",  # Debian 12 and later, Ubuntu
    "/usr/share/tesseract-ocr/4.00/tessdata",
    "/usr/share/tessdata",  # Fedora, Arch, Alpine
    "/usr/share/tesseract/tessdata",
    "/usr/local/share/tessdata",
    "/opt/homebrew/share/tessdata",
)


def tessdata_folder() -> Path | None:
    """The folder that `TESSDATA_PREFIX` names, else where distributions put it; None where there is none."""
    prefix = os.environ.get(_VARIABLE)
    places = [prefix, f"{prefix}/tessdata"] if prefix else _PLACES
    return next((Path(place) for place in places if languages_in(Path(place))), None)


def languages_in(folder: Path) -> list[str]:
    """The languages whose data are in a folder, sorted; none where it is not there."""
    try:
        files = [*folder.glob(f"*{_ENDING}"), *folder.glob(f"script/*{_ENDING}")]
    except OSError:
        return []
    return sorted(file.relative_to(folder).as_posix().removesuffix(_ENDING) for file in files)


def lacking_ocr(languages: Iterable[str]) -> str | None:
    """What is not installed to read these languages, and what to do; None where all is there."""
    if find_spec(BINDING) is None:
        return f"{BINDING} is not installed: pip install 'ingestkit-pdf[ocr]'"
    wanted = [*dict.fromkeys([*languages, _ORIENTATION])]
    folder = tessdata_folder()
    if folder is None:
        where = os.environ.get(_VARIABLE)
        place = f"{_VARIABLE}={where}" if where else "where distributions put them"
        return f"no language data of Tesseract's were found ({place}): {_installing(wanted)}"
    there = languages_in(folder)
    missing = [language for language in wanted if language not in there]
    if not missing:
        return None
    return f"{folder} has no {', '.join(missing)}: {_installing(missing)}"


def _installing(languages: Iterable[str]) -> str:
    packages = [_package(language) for language in languages]
    return f"apt-get install {' '.join(packages)} (or set {_VARIABLE} to a folder that has them)"


def _package(language: str) -> str:
    """Debian's package of a language; those of scripts have names of four letters, which it does not tell."""
    script = language.removeprefix("script/")
    if script != language:
        return f"tesseract-ocr-script-{script[:4].lower()}"
    return f"tesseract-ocr-{language.lower().replace('_', '-')}"
