"""The document as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ingestkit_pdf.pdf.paragraphs import CODE, CONTENTS, FORM, HEADING, ITEM, ROW, TABLE
from ingestkit_pdf.pdf.passages import Passage, Run

__all__ = ["to_markdown"]

_BULLET = re.compile(r"[^\w\s(]\s*")
_NUMBER = re.compile(r"\(?(\d{1,2})[.)]\s+")
_LETTER = re.compile(r"\(?(?:[a-zA-Z]|[ivx]{1,4})[.)]\s+")
_STRUCTURE = re.compile(r"(?:#{1,6}\s|>|[-+*]\s|\d+[.)]\s|```|---|===)")
_BETWEEN = {("", " "), ("", "-"), ("", "- ")}  # two lines of one run
_ROW_STRUCTURE = re.compile(r"^(?:#{1,6}\s|>|```)")  # a row may begin with a dash or a number
_AS_IT_IS = frozenset({TABLE, FORM})
_LINE_BY_LINE = frozenset({ROW, CONTENTS})
_TICKS = re.compile("`+")
_MARKS = ("", "**", "*", "***", "`", "`", "`", "`")  # by the bits of the style: BOLD, ITALIC, MONO
_MIN_EMPHASIS = 3  # a single italic letter is a variable in a formula, not an emphasis


def to_markdown(passages: Iterable[Passage]) -> str:
    """Write passages as Markdown, in order; ends in a newline unless it is empty."""
    out: list[str] = []
    last = ""
    for passage in passages:
        text = _write(passage)
        if not text:
            continue
        out.append("\n" if passage.kind == ITEM and last == ITEM else "\n\n")
        out.append(text)
        last = passage.kind
    return "".join(out[1:]) + "\n" if out else ""


def _write(passage: Passage) -> str:
    kind = passage.kind
    if kind == HEADING:
        return "#" * passage.level + " " + " ".join(passage.text.split())
    if kind == CODE:
        return _fenced(passage.text)
    if kind in _AS_IT_IS:
        return passage.text
    if kind in _LINE_BY_LINE:
        rows = [_ROW_STRUCTURE.sub(r"\\\g<0>", row) for row in passage.text.split("\n")]
        return "  \n".join(rows)  # two spaces: a line break
    text = passage.text if passage.runs is None else _marked(passage.runs, passage.common)
    return _item(text, passage.indent) if kind == ITEM else _escaped(text)


def _fenced(code: str) -> str:
    """Code between fences that are longer than any row of backticks in it."""
    ticks = max(map(len, _TICKS.findall(code)), default=0)
    fence = "`" * max(3, ticks + 1)
    return f"{fence}\n{code}\n{fence}"


def _escaped(text: str) -> str:
    return "\\" + text if _STRUCTURE.match(text) else text


def _item(text: str, levels: int) -> str:
    indent = "  " * levels
    number = _NUMBER.match(text)
    if number:
        return f"{indent}{number.group(1)}. {text[number.end() :]}"
    if _LETTER.match(text):
        return f"{indent}- {text}"
    bullet = _BULLET.match(text)
    return f"{indent}- {text[bullet.end() :] if bullet else text}"


def _marked(runs: Iterable[Run], common: int) -> str:
    """The text with its bold, italic and fixed-width runs marked, unless all of it is."""
    return "".join(_joined(runs, common)).rstrip()


def _joined(runs: Iterable[Run], common: int) -> list[str]:
    """Write the runs; one that goes on after a space, on the next line or across a hyphen stays one run."""
    joined: list[tuple[str, str]] = []
    for text, style in runs:
        if not text:
            continue
        mark = _MARKS[style & ~common]
        if len(joined) > 1 and mark and joined[-1] in _BETWEEN and joined[-2][0] == mark:
            _, space = joined.pop()
            joined[-1] = (mark, joined[-1][1] + space + text)
        elif joined and joined[-1][0] == mark:
            joined[-1] = (mark, joined[-1][1] + text)
        else:
            joined.append((mark, text))
    return [
        mark + text + mark[::-1] if mark and len(text) >= _MIN_EMPHASIS else text for mark, text in joined
    ]
