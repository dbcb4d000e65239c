"""The trace of a job, continued from its producer. Off unless `trace_endpoint` is set.

What is here costs nothing and imports nothing of OpenTelemetry; what does lives in `_otel.py`, which is
imported only when tracing is on.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from ingestkit_pdf.execution.failure import WorkerFailure
from ingestkit_pdf.execution.pool import PoolResult
from ingestkit_pdf.wire.envelope import Job

from .outcome import Outcome

__all__ = ["AttemptTrace", "NoTracing", "Tracing", "make_tracing"]


class AttemptTrace(Protocol):
    """The span of one attempt."""

    @property
    def traceparent(self) -> str | None:
        """What the reply carries, so that its receiver continues the trace."""

    @property
    def trace_id(self) -> str | None:
        """For the log; None where nothing is traced."""

    def publishing(self, outcome: Outcome) -> AbstractContextManager[None]:
        """The time in which the outcome is published."""

    def end(self, ended: PoolResult | WorkerFailure, outcome: Outcome, *, wait: float, begun: bool) -> None:
        """The attempt is settled.

        Args:
            wait: Seconds until a worker began, or until the end where none did.
            begun: Whether one did.
        """


class Tracing(Protocol):
    """Makes the spans of attempts."""

    def begin(self, job: Job, lane: str) -> AttemptTrace:
        """An attempt at this job begins."""

    def close(self) -> None:
        """Export what is left; takes a few seconds at most."""


class NoTracing:
    """What a daemon has that does not trace: traces pass through it unchanged."""

    def begin(self, job: Job, lane: str) -> AttemptTrace:  # noqa: ARG002
        """Nothing but the producer's own traceparent."""
        return _NoTrace(job.traceparent)

    def close(self) -> None:
        """Nothing to export."""


class _NoTrace:
    trace_id = None

    __slots__ = ("traceparent",)

    def __init__(self, traceparent: str | None) -> None:
        self.traceparent = traceparent

    def publishing(self, outcome: Outcome) -> AbstractContextManager[None]:  # noqa: ARG002
        return nullcontext()

    def end(self, ended: PoolResult | WorkerFailure, outcome: Outcome, *, wait: float, begun: bool) -> None:
        pass


def make_tracing(endpoint: str | None) -> Tracing:
    """Tracing that exports to this OTLP/HTTP collector; none where there is none."""
    if endpoint is None:
        return NoTracing()
    from ._otel import OtelTracing  # noqa: PLC0415 - off by default, and then not imported

    return OtelTracing.exporting_to(endpoint)
