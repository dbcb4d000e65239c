"""Which dead letters are meant: a value, matched against each letter."""

from __future__ import annotations

from dataclasses import dataclass

from ingestkit_pdf.wire.letter import Letter

__all__ = ["LetterFilter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterFilter:
    """Which letters are meant: those that fit every condition that is given. Without any: all of them.

    Attributes:
        job_ids: One of these.
        reasons: One of these words (`timeout`, `invalid`, ...) or error codes, in any spelling of case
            and of `-` for `_`.
        lanes: From one of these.
        document: The SHA-256 of the document begins with this.
        parked_before: Seconds since the epoch; a letter of unknown age never fits.
        parked_after: The same.
    """

    job_ids: frozenset[str] = frozenset()
    reasons: frozenset[str] = frozenset()
    lanes: frozenset[str] = frozenset()
    document: str | None = None
    parked_before: float | None = None
    parked_after: float | None = None

    @property
    def is_all(self) -> bool:
        """True when nothing is filtered."""
        return self == LetterFilter()

    def matches(self, letter: Letter) -> bool:
        """True when this letter is meant."""
        reasons = {_word(reason) for reason in self.reasons}
        return (
            (not self.job_ids or letter.job_id in self.job_ids)
            and (not reasons or bool(reasons & {_word(letter.reason), _word(letter.code or "")}))
            and (not self.lanes or letter.lane in self.lanes)
            and (self.document is None or _begins(letter.document_sha256, self.document))
            and (self.parked_before is None or _less(letter.parked_at, self.parked_before))
            and (self.parked_after is None or _less(self.parked_after, letter.parked_at))
        )


def _word(text: str) -> str:
    return text.casefold().replace("-", "_")


def _begins(text: str | None, beginning: str) -> bool:
    return text is not None and text.casefold().startswith(beginning.casefold())


def _less(low: float | None, high: float | None) -> bool:
    return low is not None and high is not None and low < high
