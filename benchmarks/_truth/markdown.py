"""What Markdown holds: its plain text, its headings, its tables."""

from __future__ import annotations

import re
from html.parser import HTMLParser

__all__ = ["headings", "plain_text", "tables", "words"]

_HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(.+?)\s*#*\s*$", re.MULTILINE)
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_FENCED = re.compile(r"^ {0,3}```.*?(?:^ {0,3}```|\Z)", re.MULTILINE | re.DOTALL)
_RULE_ROW = re.compile(r"^\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?\s*$")
_CELL_END = re.compile(r"(?<!\\)\|")
_MARK = re.compile(
    r"(?<!\\)\*{1,3}|(?<![\w\\])_{1,3}|(?<!\\)_{1,3}(?!\w)|~~|`+|^#{1,6}\s+|^>\s?|^\s*[-*+]\s+", re.MULTILINE
)
_TAG = re.compile(r"<!--.*?-->|</?(?:[a-zA-Z][^>]*)>", re.DOTALL)
_IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_WORD = re.compile(r"\w+")


def plain_text(markdown: str) -> str:
    """The text without Markdown's and HTML's marks; cells of tables stay in order."""
    text = _TAG.sub(" ", _IMAGE.sub(" ", markdown))
    text = _LINK.sub(r"\1", text)
    lines = [line for line in text.split("\n") if not ("-" in line and _RULE_ROW.match(line))]
    text = _MARK.sub("", "\n".join(lines))
    return re.sub(r"\\([\\`*_{}\[\]()#+\-.!|>])", r"\1", _CELL_END.sub(" ", text))


def words(markdown: str) -> list[str]:
    """Its words in order, in small letters."""
    return _WORD.findall(plain_text(markdown).casefold())


def headings(markdown: str) -> list[tuple[int, str]]:
    """Level and text (letters and digits only, small) of every heading; none in code or front matter.

    Lines with dashes under them are none: in receipts these are rules, and no engine writes headings so.
    """
    markdown = _FENCED.sub("", _FRONT_MATTER.sub("", markdown))
    return [(len(match.group(1)), " ".join(words(match.group(2)))) for match in _HEADING.finditer(markdown)]


def tables(markdown: str) -> list[list[list[str]]]:
    """Pipe tables and HTML tables as rows of plain text."""
    found: list[list[list[str]]] = []
    rows: list[list[str]] = []
    for line in [*markdown.split("\n"), ""]:
        if "|" in line and line.strip().startswith("|"):
            if not _RULE_ROW.match(line):
                cells = _CELL_END.split(line.strip().strip("|") if not line.strip().endswith("\\|") else line)
                rows.append([_cell(cell) for cell in cells])
        elif rows:
            found.append(rows)
            rows = []
    return found + _html_tables(markdown)


def _cell(text: str) -> str:
    return " ".join(plain_text(text.replace("<br>", " ")).split())


def _html_tables(text: str) -> list[list[list[str]]]:
    parser = _TableParser()
    parser.feed(text)
    return [table for table in parser.tables if table]


class _TableParser(HTMLParser):
    """Collects the cells of HTML tables; a cell over several columns is followed by blank ones."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self._cell: list[str] | None = None
        self._span = 1

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.tables.append([])
        elif tag == "tr" and self.tables:
            self.tables[-1].append([])
        elif tag in {"td", "th"} and self.tables and self.tables[-1]:
            self._cell = []
            span = dict(attrs).get("colspan") or "1"
            self._span = int(span) if span.isdecimal() else 1

    def handle_endtag(self, tag: str) -> None:
        if tag in {"td", "th"} and self._cell is not None:
            self.tables[-1][-1] += [" ".join("".join(self._cell).split()), *[""] * (self._span - 1)]
            self._cell = None

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)
