"""How far a job has come: what `progress` of every execution backend yields."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from ingestkit_pdf.models.base import Model

__all__ = ["JobOutcome", "JobProgress", "ProgressEvent"]


class ProgressEvent(StrEnum):
    """What happened to a job."""

    STARTED = "started"
    PAGE = "page"
    RETRYING = "retrying"
    FINISHED = "finished"


class JobOutcome(StrEnum):
    """How a job ended: with a result (be it that its document cannot be read), without one, or cancelled."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class JobProgress(Model):
    """One step of a job.

    Attributes:
        job_id: The job.
        event: What happened.
        attempt: The attempt it happened in, from 1.
        page: The page that was begun last, from 1; None before the first.
        pages: Pages of the document; None before they were counted.
        at: When, in Unix time of the machine that has the job.
        lane: The lane it came from; None without a broker.
        host: The machine that has it.
        reason: Of `retrying` and of a job that failed: what ended the attempt, `timeout` for example.
        delay: Of `retrying`: seconds until the next attempt can begin.
        outcome: Of `finished`; None where only the result tells.
    """

    job_id: str
    event: ProgressEvent
    attempt: int = Field(default=1, ge=1)
    page: int | None = Field(default=None, ge=1)
    pages: int | None = Field(default=None, ge=0)
    at: float = 0.0
    lane: str | None = Field(default=None, max_length=64)
    host: str | None = Field(default=None, max_length=255)
    reason: str | None = Field(default=None, max_length=64)
    delay: float | None = Field(default=None, ge=0)
    outcome: JobOutcome | None = None
