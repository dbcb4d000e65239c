"""What the pipeline needs of whoever runs it, to have a large document read by several workers."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Part", "Share"]

Part = tuple[int, int, bytes | None, bool]
"""Units of a document's work: the first, and the one after the last; then what a helper has made of them, and
whether one has failed on them, so that they are to be done here."""


class Share(Protocol):
    """One document, as one of the workers that work on it sees it."""

    plan: bytes
    """For a helper: what the worker that has the document says must be known to help; else empty."""

    def offer(self, plan: bytes, start: int, stop: int) -> None:
        """Let idle workers have a part of the units from `start` up to, but not including, `stop`."""
        ...

    def take(self, most: int) -> Part | None:
        """The next part.

        For a helper: what to do next, at most `most` units; None when it is no longer needed. For the worker
        that has the document: what to do itself, or what a helper has done or failed to do; None when all of
        what was offered has come back.
        """
        ...

    def give(self, body: bytes) -> None:
        """For a helper: hand over what it has made of the part that it took last."""
        ...
