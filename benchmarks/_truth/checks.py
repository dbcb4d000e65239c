"""The checks of olmOCR-bench: is a text there, absent, before another, in the right place of a table?

The rules are those of the benchmark (https://github.com/allenai/olmocr, `olmocr/bench`): Markdown's marks do
not count, quotes and dashes are alike, a text may differ in `max_diffs` letters. Every document has a
`baseline` check: there is text, it does not end in a stutter, and has no Chinese or emoji, which models make
up. Checks of formulas are left out: they ask for LaTeX.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from _truth.markdown import plain_text, tables

__all__ = ["check_documents", "is_scan", "passes"]

Check = dict[str, Any]

_SAME = str.maketrans(
    "\u2018\u2019\u201a\u2032\u201c\u201d\u201e\u2033\u2010\u2011\u2012\u2013\u2014\u2212",
    "''''\"\"\"\"------",
)
_FEW_LETTERS = 100  # a page
_TYPES = {"present", "absent", "order", "table", "baseline"}
_LONGEST_REPEATED = 5  # letters that are looked at for a stutter
_MAX_REPEATS = 30  # of the same letters at the end of a text
_MADE_UP = re.compile(
    "[\u3040-\u30ff\u4e00-\u9fff\U0001f600-\U0001f64f\U0001f300-\U0001f5ff\U0001f680-\U0001f6ff]"
)


def check_documents(corpus: Path) -> dict[Path, list[Check]]:
    """The documents that are there, with their checks; one without a `baseline` check gets the usual one."""
    folder = corpus / "truth" / "olmocr-bench"
    by_name = {path.name: path for path in folder.rglob("*.pdf")}
    found: dict[Path, list[Check]] = {}
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            check = json.loads(line) if line.strip() else {}
            path = by_name.get(Path(check.get("pdf", "")).name)
            if path is not None and check["type"] in _TYPES:
                found.setdefault(path, []).append(check)
    for path, checks in found.items():
        if all(check["type"] != "baseline" for check in checks):
            checks.append({"pdf": path.name, "type": "baseline"})
    return found


@cache
def is_scan(path: Path) -> bool:
    """True for a document that is pictures: hardly any text of its own."""
    import pymupdf

    with pymupdf.open(path) as document:
        return sum(len(page.get_text()) for page in document) < _FEW_LETTERS * document.page_count


def normal(text: str) -> str:
    """Plain text with one kind of quote, dash and space."""
    return " ".join(unicodedata.normalize("NFC", plain_text(text)).translate(_SAME).split())


def passes(check: Check, markdown: str) -> bool:
    """True when the text of the page says what the check asks for."""
    kind = check["type"]
    if kind == "baseline":
        return _is_sane(check, markdown)
    if kind == "table":
        return _in_table(check, markdown)
    text = normal(markdown)
    if kind == "order":
        before, after = normal(check["before"]), normal(check["after"])
        diffs = int(check.get("max_diffs") or 0)
        starts = _places(before, text, diffs)
        return any(b > a for a in starts for b in _places(after, text, diffs))
    wanted = normal(check["text"])
    text = _window(check, text)
    if not check.get("case_sensitive", kind == "present"):
        wanted, text = wanted.casefold(), text.casefold()
    is_there = bool(_places(wanted, text, int(check.get("max_diffs") or 0)))
    return is_there if kind == "present" else not is_there


def _is_sane(check: Check, markdown: str) -> bool:
    letters = sum(char.isalnum() for char in markdown)
    if check.get("max_length") is not None:
        return letters <= int(check["max_length"])
    if not letters or (check.get("check_disallowed_characters", True) and _MADE_UP.search(markdown)):
        return False
    most = int(check.get("max_repeats") or _MAX_REPEATS)
    return all(_repeats(markdown, length) <= most for length in range(1, _LONGEST_REPEATED + 1))


def _repeats(text: str, length: int) -> int:
    """How often the last letters of a text, so many of them, follow one another."""
    count, last = 0, text[-length:]
    while last and text.endswith(last, 0, len(text) - count * length):
        count += 1
    return count


def _window(check: Check, text: str) -> str:
    first, last = check.get("first_n"), check.get("last_n")
    if first and last:
        return text[: int(first)] + text[-int(last) :]
    if first:
        return text[: int(first)]
    return text[-int(last) :] if last else text


def _places(pattern: str, text: str, max_diffs: int) -> list[int]:
    """Where `pattern` stands in `text`, give or take `max_diffs` letters (Sellers' algorithm): its ends."""
    found = [match.end() for match in re.finditer(re.escape(pattern), text)]
    if found or not max_diffs:
        return found
    column = list(range(len(pattern) + 1))
    for end, letter in enumerate(text, start=1):
        diagonal, column[0] = column[0], 0
        for row, other in enumerate(pattern, start=1):
            cost = min(diagonal + (letter != other), column[row] + 1, column[row - 1] + 1)
            diagonal, column[row] = column[row], cost
        if column[-1] <= max_diffs:
            found.append(end)
    return found


def _in_table(check: Check, markdown: str) -> bool:
    wanted = _cell(check["cell"])
    return any(
        _cell(text) == wanted and _has_neighbours(check, table, row, col)
        for table in tables(markdown)
        for row, cells in enumerate(table)
        for col, text in enumerate(cells)
    )


def _cell(text: str) -> str:
    return normal(text).casefold()


def _has_neighbours(check: Check, table: list[list[str]], row: int, col: int) -> bool:
    def at(r: int, c: int) -> str:
        return _cell(table[r][c]) if 0 <= r < len(table) and 0 <= c < len(table[r]) else ""

    beside: Iterable[tuple[str, str]] = (
        ("left", at(row, col - 1)),
        ("right", at(row, col + 1)),
        ("up", at(row - 1, col)),
        ("down", at(row + 1, col)),
    )
    if any(check.get(key) and _cell(check[key]) != text for key, text in beside):
        return False
    if check.get("top_heading") and not any(_cell(check["top_heading"]) in at(r, col) for r in range(row)):
        return False
    return not check.get("left_heading") or any(
        _cell(check["left_heading"]) in at(row, c) for c in range(col)
    )
