"""Reading order and headings: how near a Markdown text is to the true one."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import Path

from _truth.markdown import headings, words

__all__ = ["heading_counts", "order_similarity", "text_documents"]


def order_similarity(found: str, truth: str) -> float:
    """How alike two texts are as sequences of words, from 0 to 1 (`difflib`, without its heuristic)."""
    return SequenceMatcher(None, words(found), words(truth), autojunk=False).ratio()


def heading_counts(found: str, truth: str) -> tuple[int, int, int]:
    """Headings that are right (by text, whatever their level), found, and true."""
    ours = Counter(text for _, text in headings(found) if text)
    theirs = Counter(text for _, text in headings(truth) if text)
    return (ours & theirs).total(), ours.total(), theirs.total()


def text_documents(corpus: Path) -> list[tuple[Path, Path, str]]:
    """Documents with their Markdown and how good that is, from the index; those without text left out."""
    with (corpus / "truth" / "index.csv").open(encoding="utf-8", newline="") as file:
        rows: Sequence[dict[str, str]] = list(csv.DictReader(file))
    found = []
    for row in rows:
        truth = corpus / "truth" / row["truth"]
        pdf = corpus / "truth" / row["pdf"]
        if row["kind"].startswith("markdown") and truth.suffix == ".md" and truth.stat().st_size:
            found.append((pdf, truth, row["quality"]))
    return sorted(set(found))
