"""Hyphens at the ends of lines: which of them only cut a word, and which are its own.

Nothing in a line tells `well-known` from `inter-national`. The rest of the document does: whichever form it
has elsewhere is the word. So these hyphens are decided last, when all passages are there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ingestkit_pdf.pdf.passages import Passage
from ingestkit_pdf.pdf.text import LINE_HYPHEN

__all__ = ["Hyphens"]

_LAST_WORD = re.compile(r"[^\W_][\w-]*$")
_FIRST_WORD = re.compile(r"[^\W_][\w-]*")
_LINKS = frozenset(
    {"and", "or", "nor", "to", "und", "oder", "sowie", "bzw", "bis", "et", "ou", "y", "e", "o"}
    | {"och", "og", "eller", "\u0438", "\u0438\u043b\u0438"}
)
"""Words behind a hyphen that stands for the rest of a later word: `pre- and post-war`."""
_OPENERS = frozenset({"long", "self", "well"})
"""Beginnings of words that hardly ever stand without a hyphen; before an ending they may: `long-est`."""
_SMALL = _LINKS | {
    "of",
    "the",
    "in",
    "on",
    "by",
    "at",
    "for",
    "up",
    "out",
    "off",
    "a",
    "de",
    "la",
    "du",
    "en",
    "op",
}
"""Words inside of compounds: `branch-and-bound`, `state-of-the-art`."""
_ENDING = 3  # letters of an ending at most
_PENDING = 4000  # different words of some pages, which are taken in at once


class Hyphens:
    """The hyphens of one document, and the words that decide them.

    Words are taken in page by page: that is work which is shared, what is left for the end is not.
    """

    def __init__(self) -> None:
        self._seen = 0
        self._cut: list[Passage] = []
        self._pending: set[str] = set()
        self._tokens: set[str] = set()
        self._words: set[str] = set()

    def see(self, passages: Sequence[Passage], end: int) -> None:
        """Take in the passages before `end` that are new; they change no more."""
        for passage in passages[self._seen : end]:
            text = passage.text
            self._pending.update(text.lower().split())
            if LINE_HYPHEN in text:
                self._cut.append(passage)
        self._seen = max(self._seen, end)
        if self._cut and len(self._pending) > _PENDING:
            self._take_in()

    def undo(self) -> None:
        """Decide the hyphens of what was seen, in place."""
        if self._cut:
            self._take_in()
        for passage in self._cut:
            _decide(passage, self._words)

    def _take_in(self) -> None:
        tokens = self._pending - self._tokens
        self._pending.clear()
        self._tokens |= tokens
        self._words |= _words(tokens)


def _words(tokens: set[str]) -> set[str]:
    """The words that no line end cuts."""
    words = set(filter(str.isalpha, tokens))
    others = [token for token in tokens - words if LINE_HYPHEN not in token]
    return words.union(_FIRST_WORD.findall(" ".join(others)))


def _decide(passage: Passage, words: set[str]) -> None:
    pieces, between = passage.pieces, list[str]()
    passage.tokens = 0
    for index, (text, page, box) in enumerate(pieces):
        if LINE_HYPHEN not in text:
            continue
        is_end = text.endswith(LINE_HYPHEN) and index + 1 < len(pieces)
        stands = _between(text[:-1], pieces[index + 1][0], words) if is_end else "-"
        between.append(stands)
        pieces[index] = (text.replace(LINE_HYPHEN, stands), page, box)
    if passage.runs is None:
        return
    stand = iter(between)
    passage.runs = [
        (text.replace(LINE_HYPHEN, next(stand, "-")) if LINE_HYPHEN in text else text, style)
        for text, style in passage.runs
    ]


def _between(before: str, after: str, words: set[str]) -> str:
    """What stands between two lines instead of the hyphen: nothing, the hyphen, or that and a space."""
    first, second = _LAST_WORD.search(before), _FIRST_WORD.match(after)
    if first is None or second is None:
        return "-"
    start, end = first.group(), second.group()
    left, right = start.rpartition("-")[2], end.partition("-")[0]
    if not left.isalpha():
        return "- " if end in _LINKS else "-"
    for one, other in ((start, end), (left, right)):
        closed = (one + other).lower() in words
        if closed != (f"{one}-{other}".lower() in words):
            return "" if closed else "-"
    if end in _LINKS:
        return "- "
    is_option = before[first.start() - 1 : first.start()] == "-"  # of a command
    return "-" if is_option or _is_compound(start, end, words) else ""


def _is_compound(start: str, end: str, words: set[str]) -> bool:
    """True when two parts of a word that the document has nowhere else look like words of their own."""
    left, right = start.rpartition("-")[2], end.partition("-")[0]
    if len(left) < 2 or not end[0].islower():
        return True
    if "-" in start or "-" in end:
        return left in _SMALL or right in _SMALL or (left.lower() in words and right.lower() in words)
    return start.lower() in _OPENERS and len(end) > _ENDING
