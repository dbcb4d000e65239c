"""Headings by their authors: documents with an outline, which is taken out of the copy that engines read."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

from _truth.markdown import headings, words

__all__ = ["outline_counts", "outline_documents"]

_PAGES = 16
_FEW_ENTRIES, _FEW_TITLES = 5, 4  # in the document; on the pages that are read
_LONGEST = 200  # letters of a title: some programs put whole paragraphs in
_NUMBER = re.compile(r"^(?:(?:chapter|section|appendix|part) )?(?:[\divx]+ |[a-z] )*(?=\w)")


def outline_documents(corpus: Path, folder: Path) -> list[tuple[Path, list[str]]]:
    """Copies of up to 16 pages without their outline, and the titles that it has on these pages, in order."""
    import pymupdf

    pymupdf.TOOLS.mupdf_display_errors(False)
    pymupdf.TOOLS.mupdf_display_warnings(False)
    found = []
    for path in sorted([*(corpus / "bench").rglob("*.pdf"), *(corpus / "valid").rglob("*.pdf")]):
        with pymupdf.open(path) as document:
            entries = _entries(document)
            if len(entries) < _FEW_ENTRIES:
                continue
            first = min(page for _, page in entries)
            last = min(document.page_count, first + _PAGES - 1)
            titles = [title for title, page in entries if page <= last]
            if len(titles) < _FEW_TITLES or any(len(title) > _LONGEST for title in titles):
                continue
            copy = folder / f"{path.stem}.pdf"
            with pymupdf.open() as pages:
                pages.insert_pdf(document, from_page=first - 1, to_page=last - 1)
                pages.save(copy)
        found.append((copy, titles))
    return sorted(found)


def _entries(document: Any) -> list[tuple[str, int]]:
    if document.needs_pass or not document.is_pdf:
        return []
    return [(title, page) for _, title, page in document.get_toc() if page > 0]


def outline_counts(found: str, titles: list[str]) -> tuple[int, int, int]:
    """Headings that are titles of the outline, found, and titles; numbers in front of them aside."""
    ours = Counter(_bare(text) for _, text in headings(found) if text)
    theirs = Counter(_bare(" ".join(words(title))) for title in titles)
    return (ours & theirs).total(), ours.total(), theirs.total()


def _bare(text: str) -> str:
    return _NUMBER.sub("", text) or text
