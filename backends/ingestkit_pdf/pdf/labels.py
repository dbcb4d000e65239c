"""Page labels: what a reader shows as the number of a page (`iv`, `A-1`), by ISO 32000-2, 12.4.2."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice, pairwise

from ingestkit_pdf.pdf.metadata import clean_text
from ingestkit_pdf.pdf.mupdf import Document, ParserError, guarded
from ingestkit_pdf.pdf.mupdf import mupdf as _m
from ingestkit_pdf.pdf.values import text_of, tree_entries

__all__ = ["read_labels"]

_MAX_LABEL = 64  # characters of a label; of a longer one the prefix is cut
_MAX_PREFIX = 4096  # bytes; a longer prefix is none
_MAX_RULES = 100_000  # ranges of pages that are read
_ROMAN = ((900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"))
_ROMAN_ONES = ("", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix")

_get = _m.ll_pdf_dict_gets


@dataclass(frozen=True, slots=True)
class _Rule:
    """How a range of pages is labelled: `style` as the file has it (D, R, r, A, a; empty: no number)."""

    style: str
    prefix: str
    start: int

    def label(self, position: int) -> str | None:
        """The label of a page of the range, counted from 0."""
        number = _written(self.start + position, self.style)[:_MAX_LABEL]
        return clean_text(self.prefix[: _MAX_LABEL - len(number)] + number)


def read_labels(document: Document) -> list[str | None]:
    """The label of every page, None before the first range; an empty list where the document gives none."""
    count = document.page_count
    rules: dict[int, _Rule] = {}
    try:
        with guarded():
            root = _get(_m.ll_pdf_trailer(document.pdf.m_internal), "Root")
            for key, value in islice(tree_entries(_get(root, "PageLabels"), "Nums"), _MAX_RULES):
                first = _m.ll_pdf_to_int(key)
                if 0 <= first < count and _m.ll_pdf_is_int(key) and _m.ll_pdf_is_dict(value):
                    rules[first] = _read_rule(value)
    except ParserError:
        return []
    if not rules:
        return []
    labels: list[str | None] = [None] * count
    for first, end in pairwise([*sorted(rules), count]):
        for index in range(first, end):
            labels[index] = rules[first].label(index - first)
    return labels


def _read_rule(value: object) -> _Rule:
    prefix = _get(value, "P")
    has_prefix = prefix and _m.ll_pdf_is_string(prefix) and _m.ll_pdf_to_str_len(prefix) <= _MAX_PREFIX
    return _Rule(
        style=_m.ll_pdf_to_name(_get(value, "S")),
        prefix=(text_of(prefix) or "") if has_prefix else "",
        start=max(_m.ll_pdf_to_int(_get(value, "St")), 1),
    )


def _written(number: int, style: str) -> str:
    """A number from 1 on in a style; of what would be longer than a label no more than is needed."""
    if style == "D":
        return str(number)
    text = ""
    if style in {"R", "r"}:
        text = _roman(number)
    elif style in {"A", "a"}:  # A to Z, AA to ZZ, AAA to ZZZ
        times, letter = divmod(number - 1, 26)
        text = chr(ord("a") + letter) * min(times + 1, _MAX_LABEL)
    return text.upper() if style.isupper() else text


def _roman(number: int) -> str:
    thousands, rest = divmod(number, 1000)
    text = "m" * min(thousands, _MAX_LABEL)
    for value, letters in _ROMAN:
        text += letters * (rest // value)
        rest %= value
    return text + _ROMAN_ONES[rest]
