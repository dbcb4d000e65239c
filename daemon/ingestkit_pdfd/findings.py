"""What a look at the host or the broker has found."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Finding"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        subject: What was looked at.
        problem: What is wrong with it; None when it is well.
        remedy: What to do about the problem, or what to know about what is well.
        fatal: Whether the daemon cannot work with the problem; else it works less well.
    """

    subject: str
    problem: str | None = None
    remedy: str = ""
    fatal: bool = True

    @property
    def stops(self) -> bool:
        """True for a problem that the daemon cannot work with."""
        return self.problem is not None and self.fatal

    def __str__(self) -> str:
        return f"{self.subject}: {self.problem}: {self.remedy}"
