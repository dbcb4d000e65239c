"""What the daemon counts: one registry for one daemon, one method for each thing that happens.

Every name is listed in docs/reference/metrics.md. Labels are bounded: lanes come from the settings, and
everything else from an enumeration; never a job, a document, a client or a host.
"""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from ingestkit_pdf.errors import ErrorCode
from ingestkit_pdf.execution.failure import FailureReason, WorkerFailure
from ingestkit_pdf.execution.pool import PoolResult
from ingestkit_pdf.execution.task import STAGES
from ingestkit_pdf.wire.envelope import Job

from .outcome import GIVEN_BACK, Cancelled, Completed, DeadLettered, Outcome, Requeued, Retried

__all__ = [
    "NAMESPACE",
    "EventHandling",
    "Handling",
    "Metrics",
    "PublishFailure",
    "PublishKind",
    "RequestHandling",
]

NAMESPACE = "ingestkit_pdfd"

Handling = Literal["new", "attached", "answered_again", "rejected", "given_back"]
"""What was done with a delivery when it arrived."""

PublishKind = Literal["reply", "retry", "dead"]
PublishFailure = Literal["unroutable", "rejected", "refused", "unavailable"]

RequestHandling = Literal["cancelled", "remembered", "too_late", "watched", "forged", "invalid"]
"""What was done with what a client asked for: of a job here, of one that is not, of one that has its result,
of one that is answered to somebody else; `invalid`: of a message that asks for nothing."""

EventHandling = Literal["published", "dropped"]

_HANDLINGS: tuple[Handling, ...] = ("new", "attached", "answered_again", "rejected", "given_back")
_KINDS: tuple[PublishKind, ...] = ("reply", "retry", "dead")
_FAILURES: tuple[PublishFailure, ...] = ("unroutable", "rejected", "refused", "unavailable")
_REQUESTS: tuple[RequestHandling, ...] = (
    "cancelled",
    "remembered",
    "too_late",
    "watched",
    "forged",
    "invalid",
)
_EVENTS: tuple[EventHandling, ...] = ("published", "dropped")
_NO_REASON = "none"
_CODES = frozenset(ErrorCode)

_RUN_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_AGE_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 1800, 3600, 14400, 86400)
_SHORT_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_MEMORY_BUCKETS = tuple(float(2**power) for power in range(26, 34))  # 64 MiB to 8 GiB
_OLDEST_JOB = 366 * 86400.0
"""Seconds; a job that says it is older than this, or not yet submitted, does not say when it was."""


class _Children:
    """Remembers the series of each combination of labels: finding one takes longer than counting."""

    def labels(self, *values: object, **named: object) -> Any:
        """The series with these values of the labels."""
        children: dict[tuple[object, ...], Any] = self.__dict__.setdefault("_children", {})
        if (child := children.get(values)) is None:
            child = children[values] = super().labels(*values, **named)  # type: ignore[misc]
        return child


class _Counter(_Children, Counter):
    """A counter that finds its series quickly."""


class _Histogram(_Children, Histogram):
    """A histogram that finds its series quickly."""


class Metrics:
    """Counters and histograms of one daemon. Every method is cheap, and safe from any thread.

    Args:
        lanes: The lanes that are consumed; their series exist, with zero, from the start, so that a rate
            sees the first event.
    """

    def __init__(self, lanes: Sequence[str] = ()) -> None:
        self.registry = CollectorRegistry()
        self._make_counters()
        self._make_histograms()
        build = self._gauge("build_info", "Version of the daemon; always 1.", "version", "python")
        build.labels(version("ingestkit-pdf"), platform.python_version()).set(1)
        self._gauge("start_time_seconds", "When the daemon started, in Unix time.").set(time.time())
        self._reload = self._gauge(
            "settings_last_reload_successful",
            "0 where the latest reload of the settings was refused, else 1.",
        )
        self._reload.set(1)
        for lane in lanes:
            self._begin_lane(lane)
        for failure in _FAILURES:
            self._publish_failures.labels(failure)
        for stage in STAGES:
            self._stage_seconds.labels(stage)
        for kind in _KINDS:
            self._publish_seconds.labels(kind)
        for request in _REQUESTS:
            self._requests.labels(request)
        for event in _EVENTS:
            self._events.labels(event)

    def delivery(self, lane: str, handling: Handling, *, redelivered: bool) -> None:
        """A delivery arrived, and this was done with it."""
        self._deliveries.labels(lane, handling).inc()
        if redelivered:
            self._redeliveries.labels(lane).inc()
        if handling == "rejected":
            self._jobs.labels(lane, "rejected").inc()

    def reloaded(self, *, successful: bool) -> None:
        """The settings were read again, and taken or refused."""
        self._reload.set(int(successful))

    def attempt(
        self,
        job: Job,
        lane: str,
        ended: PoolResult | WorkerFailure,
        outcome: Outcome,
        *,
        wait: float,
        duration: float,
    ) -> None:
        """An attempt is over: its deliveries were settled.

        Args:
            wait: Seconds from the first delivery until a worker began, or until the end where none did.
            duration: Seconds from the first delivery to the end.
        """
        name, reason = _named(outcome)
        self._attempts.labels(lane, name, reason).inc()
        if isinstance(outcome, Completed | DeadLettered | Cancelled):
            self._jobs.labels(lane, name).inc()
            if (age := _age(job)) is not None:
                self._age_seconds.labels(lane).observe(age)
        if isinstance(outcome, Requeued):
            return
        self._wait_seconds.labels(lane).observe(wait)
        self._run_seconds.labels(lane).observe(ended.seconds)
        self._duration_seconds.labels(lane).observe(duration)
        if ended.peak_memory_bytes:
            self._peak_memory.labels(lane).observe(ended.peak_memory_bytes)
        if isinstance(ended, PoolResult):
            self._pages.labels(lane).inc(ended.pages)
            self._chunks.labels(lane).inc(ended.chunks)
            self._document_bytes.labels(lane).inc(ended.document_bytes)
            self._result_bytes.labels(lane).inc(len(ended.body))
            for stage in ended.stages:
                self._stage_seconds.labels(stage.name).observe(stage.seconds)
            for code in set(ended.errors):
                self._document_errors.labels(lane, code if code in _CODES else "other").inc()

    def published(self, kind: PublishKind, seconds: float) -> None:
        """A reply, a retry or a dead letter is with the broker."""
        self._publish_seconds.labels(kind).observe(seconds)

    def publish_failed(self, failure: PublishFailure) -> None:
        """A publish was not confirmed, and is made again."""
        self._publish_failures.labels(failure).inc()

    def reply_orphaned(self) -> None:
        """A reply queue was gone or stayed full."""
        self._orphaned.inc()

    def requested(self, handling: RequestHandling) -> None:
        """A client asked for something about a job, and this was done."""
        self._requests.labels(handling).inc()

    def event(self, handling: EventHandling, number: int = 1) -> None:
        """Events of jobs that somebody follows went out, or were dropped."""
        self._events.labels(handling).inc(number)

    def broker_lost(self) -> None:
        """There is no consuming connection any more, or still not."""
        self._connections_lost.inc()

    def broker_refused(self) -> None:
        """The broker said no."""
        self._refusals.inc()

    def _begin_lane(self, lane: str) -> None:
        for handling in _HANDLINGS:
            self._deliveries.labels(lane, handling)
        for outcome in ("completed", "deadlettered", "rejected", "cancelled"):
            self._jobs.labels(lane, outcome)
        self._attempts.labels(lane, "completed", _NO_REASON)
        self._attempts.labels(lane, "cancelled", FailureReason.CANCELLED.value)
        for reason in FailureReason:
            if reason in GIVEN_BACK:
                self._attempts.labels(lane, "requeued", reason.value)
            else:
                self._attempts.labels(lane, "retried", reason.value)
                self._attempts.labels(lane, "deadlettered", reason.value)
        per_lane: tuple[Counter | Histogram, ...] = (
            self._redeliveries,
            self._pages,
            self._chunks,
            self._document_bytes,
            self._result_bytes,
            self._wait_seconds,
            self._run_seconds,
            self._duration_seconds,
            self._age_seconds,
            self._peak_memory,
        )
        for metric in per_lane:
            metric.labels(lane)

    def _make_counters(self) -> None:
        counter = self._counter
        self._deliveries = counter(
            "deliveries", "Deliveries, by what was done with them on arrival.", "lane", "handling"
        )
        self._redeliveries = counter(
            "redeliveries", "Deliveries that the broker had made before, here or elsewhere.", "lane"
        )
        self._jobs = counter("jobs", "Jobs that were answered, by outcome.", "lane", "outcome")
        self._attempts = counter(
            "attempts",
            "Attempts, by outcome and by the reason that ended them without a result.",
            "lane",
            "outcome",
            "reason",
        )
        self._document_errors = counter(
            "document_errors", "Results that carry this error code, each code once.", "lane", "code"
        )
        self._pages = counter("pages", "Pages in results.", "lane")
        self._chunks = counter("chunks", "Chunks in results.", "lane")
        self._document_bytes = counter("document_bytes", "Size of the documents that were read.", "lane")
        self._result_bytes = counter("result_bytes", "Size of results, before compression.", "lane")
        self._publish_failures = counter(
            "publish_failures", "Publishes that were not confirmed and are made again, by why.", "reason"
        )
        self._orphaned = counter("orphaned_replies", "Replies whose queue was gone or stayed full.")
        self._connections_lost = counter(
            "broker_connections_lost", "Times the consuming connection was lost or could not be opened."
        )
        self._refusals = counter("broker_refusals", "Times the broker said no.")
        self._requests = counter(
            "requests", "Jobs that clients asked to cancel or to follow, by what was done.", "handling"
        )
        self._events = counter(
            "events", "Events of jobs that are followed, by what became of them.", "handling"
        )

    def _make_histograms(self) -> None:
        histogram = self._histogram
        self._wait_seconds = histogram(
            "attempt_wait_seconds", "From the delivery until a worker began.", _RUN_BUCKETS, "lane"
        )
        self._run_seconds = histogram(
            "attempt_run_seconds", "Time in a worker; 0 where none began.", _RUN_BUCKETS, "lane"
        )
        self._stage_seconds = histogram(
            "stage_duration_seconds", "A stage of a run in a worker.", _SHORT_BUCKETS, "stage"
        )
        self._duration_seconds = histogram(
            "attempt_duration_seconds",
            "From the delivery until it was settled: wait, run and publish.",
            _RUN_BUCKETS,
            "lane",
        )
        self._age_seconds = histogram(
            "job_age_seconds",
            "From the submission of a job, by the producer's clock, until it was answered.",
            _AGE_BUCKETS,
            "lane",
        )
        self._peak_memory = histogram(
            "attempt_peak_memory_bytes",
            "Largest resident size of the worker during an attempt.",
            _MEMORY_BUCKETS,
            "lane",
        )
        self._publish_seconds = histogram(
            "publish_duration_seconds",
            "Until the broker had confirmed what was published, repeats included.",
            _SHORT_BUCKETS,
            "kind",
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return _Counter(name, text, labels, namespace=NAMESPACE, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, namespace=NAMESPACE, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return _Histogram(name, text, labels, namespace=NAMESPACE, buckets=buckets, registry=self.registry)


def _named(outcome: Outcome) -> tuple[str, str]:
    """Outcome and reason as the values of labels, spelt as in the log."""
    match outcome:
        case Completed():
            reason = _NO_REASON
        case Retried(failure) | DeadLettered(failure) | Cancelled(failure):
            reason = failure.reason.value
        case Requeued():
            reason = outcome.reason.value
    return type(outcome).__name__.lower(), reason


def _age(job: Job) -> float | None:
    """Seconds since the job was submitted, where it says so credibly: the clock is the producer's."""
    age = time.time() - job.submitted_at
    if not math.isfinite(age) or not -_OLDEST_JOB < age < _OLDEST_JOB:
        return None
    return max(age, 0.0)
