"""The document as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ingestkit_pdf.pdf.lines import BOLD, ITALIC, MONO, Line
from ingestkit_pdf.pdf.paragraphs import CODE, CONTENTS, FORM, HEADING, ITEM, ROW, TABLE, Paragraph

__all__ = ["to_markdown"]

_BULLET = re.compile(r"[^\w\s(]\s*")
_NUMBER = re.compile(r"\(?(\d{1,2})[.)]\s+")
_LETTER = re.compile(r"\(?(?:[a-zA-Z]|[ivx]{1,4})[.)]\s+")
_STRUCTURE = re.compile(r"(?:#{1,6}\s|>|[-+*]\s|\d+[.)]\s|```|---|===)")
_MIN_EMPHASIS = 3  # a single italic letter is a variable in a formula, not an emphasis


def to_markdown(paragraphs: Iterable[Paragraph]) -> str:
    """Write paragraphs as Markdown, in order; ends in a newline unless it is empty."""
    out: list[str] = []
    last = ""
    for paragraph in paragraphs:
        text = _write(paragraph)
        if not text:
            continue
        out.append("\n" if paragraph.kind == ITEM and last == ITEM else "\n\n")
        out.append(text)
        last = paragraph.kind
    return "".join(out[1:]) + "\n" if out else ""


def _write(paragraph: Paragraph) -> str:
    kind = paragraph.kind
    if kind == HEADING:
        return "#" * paragraph.level + " " + " ".join(paragraph.text.split())
    if kind == CODE:
        return _code(paragraph)
    if kind in {TABLE, FORM}:
        return paragraph.text
    if kind in {ROW, CONTENTS}:
        return paragraph.text.replace("\n", "  \n")  # two spaces: a line break
    text = _inline(paragraph)
    return _item(paragraph, text) if kind == ITEM else _escaped(text)


def _escaped(text: str) -> str:
    return "\\" + text if _STRUCTURE.match(text) else text


def _item(paragraph: Paragraph, text: str) -> str:
    depth = (paragraph.left - paragraph.region_left) // max(3 * paragraph.size, 1)
    indent = "  " * min(max(depth, 0), 4)
    number = _NUMBER.match(text)
    if number:
        return f"{indent}{number.group(1)}. {text[number.end() :]}"
    if _LETTER.match(text):
        return f"{indent}- {text}"
    return f"{indent}- {_BULLET.sub('', text, count=1)}"


def _code(paragraph: Paragraph) -> str:
    left = min(line.x0 for _, _, line in paragraph.pieces)
    rows = [
        " " * round((line.x0 - left) / max(0.6 * line.size, 1)) + text.rstrip("\n")
        for text, _, line in paragraph.pieces
    ]
    return "```\n" + "\n".join(rows) + "\n```"


def _inline(paragraph: Paragraph) -> str:
    """The text with its bold, italic and fixed-width runs marked, where it has several styles."""
    common = BOLD | ITALIC | MONO
    mixed = False
    for _, _, line in paragraph.pieces:
        common &= line.style
        mixed = mixed or len(line.spans) > 1
    if not mixed:
        return paragraph.text
    runs: list[tuple[str, str]] = []
    for text, _, line in paragraph.pieces:
        _add_runs(runs, text, line, common)
    return "".join(_join_runs(runs)).rstrip()


def _add_runs(runs: list[tuple[str, str]], text: str, line: Line, common: int) -> None:
    """Cut `text`, the line's text as it was cleaned, into (mark, text): its spans are looked up in it."""
    position = 0
    for span, style, *_ in line.spans:
        mark = _mark(style & ~common)
        if not mark:
            continue
        run = span.strip()
        start = text.find(run, position)
        if start < 0:  # hyphenated at the end of the line, or normalised
            run = run[:-1]
            start = text.find(run, position)
        if start < 0 or not run:
            continue
        runs.append(("", text[position:start]))
        runs.append((mark, run))
        position = start + len(run)
    runs.append(("", text[position:]))


def _join_runs(runs: list[tuple[str, str]]) -> list[str]:
    """Write the runs; one that goes on after a space, on the next line or across a hyphen stays one run."""
    joined: list[tuple[str, str]] = []
    for mark, text in runs:
        if not text:
            continue
        if len(joined) > 1 and mark and joined[-1] == ("", " ") and joined[-2][0] == mark:
            joined.pop()
            joined[-1] = (mark, f"{joined[-1][1]} {text}")
        elif joined and joined[-1][0] == mark:
            joined[-1] = (mark, joined[-1][1] + text)
        else:
            joined.append((mark, text))
    return [
        mark + text + mark[::-1] if mark and len(text) >= _MIN_EMPHASIS else text for mark, text in joined
    ]


def _mark(style: int) -> str:
    if style & MONO:
        return "`"
    if style & BOLD:
        return "***" if style & ITALIC else "**"
    return "*" if style & ITALIC else ""
