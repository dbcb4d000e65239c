"""What is counted for which event, and that names and labels stay what dashboards and alerts rely on."""

from __future__ import annotations

import asyncio
import math
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.execution.failure import FailureReason, WorkerFailure
from ingestkit_pdf.execution.pool import PoolResult, PoolStats
from ingestkit_pdf.wire.envelope import Job, PathSource
from ingestkit_pdfd.gauges import LiveCollector
from ingestkit_pdfd.health import Probe, Snapshot
from ingestkit_pdfd.metrics import NAMESPACE, Metrics
from ingestkit_pdfd.outcome import Completed, DeadLettered, Outcome, Requeued, Retried
from support.web import samples

REFERENCE = Path(__file__).parents[3] / "docs/reference/metrics.md"
JOB = Job(
    job_id="a-job", reply_to="r", source=PathSource(path="/a"), config=PDFProcessorConfig(), submitted_at=1.0
)
RESULT = PoolResult(
    body=b"{}",
    errors=(),
    pages=3,
    chunks=5,
    content_sha256="",
    seconds=0.2,
    peak_memory_bytes=2**27,
    document_bytes=700,
)
CRASH = WorkerFailure(reason=FailureReason.CRASHED, message="killed", seconds=0.3)
IDLE = Snapshot(consuming=True, publishing=False, draining=False, in_progress={("bulk", "running"): 2})
STATS = PoolStats(workers=4, busy=2, queued=0, restarts={"memory": 1}, worker_pids=(1, 2, 3))


def values(metrics: Metrics) -> dict[str, float]:
    found = samples(generate_latest(metrics.registry).decode())
    return {name: value for name, value in found.items() if "_created" not in name}


def record(metrics: Metrics, ended: PoolResult | WorkerFailure, outcome: Outcome, job: Job = JOB) -> None:
    metrics.attempt(job, "bulk", ended, outcome, wait=1.0, duration=2.0)


@pytest.mark.parametrize(
    ("outcome", "labels", "jobs"),
    [
        (Completed(RESULT), 'outcome="completed",reason="none"', {"completed": 1}),
        (Retried(CRASH, 5), 'outcome="retried",reason="crashed"', {}),
        (DeadLettered(CRASH), 'outcome="deadlettered",reason="crashed"', {"deadlettered": 1}),
        (Requeued(), 'outcome="requeued",reason="cancelled"', {}),
    ],
)
def test_an_attempt_is_counted_by_outcome_and_reason_and_a_job_once_it_is_answered(
    outcome: Outcome, labels: str, jobs: dict[str, int]
) -> None:
    """Failures would be counted as successes, or a job as often as it was tried."""
    metrics = Metrics(["bulk"])
    record(metrics, RESULT if isinstance(outcome, Completed) else CRASH, outcome)
    found = values(metrics)
    attempts = {name: value for name, value in found.items() if "_attempts_total{" in name and value}
    assert attempts == {f'ingestkit_pdfd_attempts_total{{lane="bulk",{labels}}}': 1}
    for name in ("completed", "deadlettered", "rejected"):
        assert found[f'ingestkit_pdfd_jobs_total{{lane="bulk",outcome="{name}"}}'] == jobs.get(name, 0)


def test_sizes_and_times_of_a_result_are_added_up() -> None:
    """Nobody could tell how much was done, or how long it took."""
    metrics = Metrics(["bulk"])
    record(metrics, RESULT, Completed(RESULT))
    found = values(metrics)
    assert found['ingestkit_pdfd_pages_total{lane="bulk"}'] == 3
    assert found['ingestkit_pdfd_chunks_total{lane="bulk"}'] == 5
    assert found['ingestkit_pdfd_document_bytes_total{lane="bulk"}'] == 700
    assert found['ingestkit_pdfd_result_bytes_total{lane="bulk"}'] == 2
    assert found['ingestkit_pdfd_attempt_wait_seconds_sum{lane="bulk"}'] == 1.0
    assert found['ingestkit_pdfd_attempt_run_seconds_sum{lane="bulk"}'] == 0.2
    assert found['ingestkit_pdfd_attempt_duration_seconds_sum{lane="bulk"}'] == 2.0
    assert found['ingestkit_pdfd_attempt_peak_memory_bytes_bucket{lane="bulk",le="1.34217728e+08"}'] == 1


def test_what_a_stopping_daemon_gives_back_does_not_look_like_a_fast_document() -> None:
    """Each restart would pull the durations towards zero."""
    metrics = Metrics(["bulk"])
    record(metrics, replace(CRASH, reason=FailureReason.CANCELLED), Requeued())
    assert values(metrics)['ingestkit_pdfd_attempt_run_seconds_count{lane="bulk"}'] == 0


@pytest.mark.parametrize("submitted_at", [0.0, math.nan, math.inf, -1e308, 4e9])
def test_the_age_of_a_job_that_tells_no_credible_time_is_not_counted(submitted_at: float) -> None:
    """One producer without a clock, or with a strange one, would spoil the latency of all."""
    metrics = Metrics(["bulk"])
    record(metrics, RESULT, Completed(RESULT), replace(JOB, submitted_at=submitted_at))
    assert values(metrics)['ingestkit_pdfd_job_age_seconds_count{lane="bulk"}'] == 0


def test_the_age_of_a_job_counts_from_its_submission() -> None:
    """The latency that producers see would not be known."""
    metrics = Metrics(["bulk"])
    record(metrics, RESULT, Completed(RESULT), replace(JOB, submitted_at=time.time() - 40))
    record(metrics, RESULT, Completed(RESULT), replace(JOB, submitted_at=time.time() + 5))
    found = values(metrics)
    assert found['ingestkit_pdfd_job_age_seconds_count{lane="bulk"}'] == 2
    assert found['ingestkit_pdfd_job_age_seconds_sum{lane="bulk"}'] == pytest.approx(40, abs=2)


def test_an_error_code_that_is_none_of_ours_makes_no_series_of_its_own() -> None:
    """A worker taken over by a document could fill the memory of Prometheus with made-up codes."""
    metrics = Metrics(["bulk"])
    foreign = replace(RESULT, errors=("E_PARSE_CORRUPT", "E_PARSE_CORRUPT", "x" * 50, "y" * 50))
    record(metrics, foreign, Completed(foreign))
    codes = {name: value for name, value in values(metrics).items() if "document_errors" in name}
    assert codes == {
        'ingestkit_pdfd_document_errors_total{code="E_PARSE_CORRUPT",lane="bulk"}': 1,
        'ingestkit_pdfd_document_errors_total{code="other",lane="bulk"}': 2,
    }


def test_deliveries_are_counted_by_what_was_done_with_them() -> None:
    """Redeliveries and messages that are no jobs would go unseen."""
    metrics = Metrics(["bulk"])
    metrics.delivery("bulk", "new", redelivered=False)
    metrics.delivery("bulk", "attached", redelivered=True)
    metrics.delivery("bulk", "rejected", redelivered=False)
    found = values(metrics)
    assert found['ingestkit_pdfd_deliveries_total{handling="attached",lane="bulk"}'] == 1
    assert found['ingestkit_pdfd_redeliveries_total{lane="bulk"}'] == 1
    assert found['ingestkit_pdfd_jobs_total{lane="bulk",outcome="rejected"}'] == 1


def test_every_series_of_a_lane_is_there_before_its_first_event() -> None:
    """The first crash of a daemon's life would be no increase, and wake nobody."""
    before = set(values(Metrics(["bulk"])))
    metrics = Metrics(["bulk"])
    for reason in FailureReason:
        failure = replace(CRASH, reason=reason)
        given_back = reason in {FailureReason.CANCELLED, FailureReason.NOT_STARTED}
        outcome = Requeued(reason) if given_back else DeadLettered(failure)
        record(metrics, failure, outcome)
        if not isinstance(outcome, Requeued):
            record(metrics, failure, Retried(failure, 5))
    record(metrics, RESULT, Completed(RESULT))
    metrics.published("dead", 0.1)
    metrics.publish_failed("unavailable")
    metrics.reply_orphaned()
    metrics.broker_lost()
    metrics.broker_refused()
    assert set(values(metrics)) == before


def live(snapshot: Snapshot | None) -> dict[str, float]:
    """All of a daemon's metrics; None for an event loop that does not answer."""

    async def scrape() -> dict[str, float]:
        metrics = Metrics(["default", "bulk"])
        probe = Probe(lambda: snapshot or IDLE, timeout=0.05 if snapshot is None else 5)
        metrics.registry.register(LiveCollector(probe, lambda: STATS, ["default", "bulk"]))
        if snapshot is None:
            return values(metrics)  # on the event loop, which so cannot answer
        return await asyncio.to_thread(values, metrics)

    return asyncio.run(scrape())


def test_gauges_tell_what_is_connected_in_progress_and_up() -> None:
    """Nobody could tell which lane waits, or whether the daemon consumes at all."""
    found = live(IDLE)
    assert found['ingestkit_pdfd_broker_connected{connection="consumer"}'] == 1
    assert found['ingestkit_pdfd_broker_connected{connection="publisher"}'] == 0
    assert found['ingestkit_pdfd_attempts_in_progress{lane="bulk",state="running"}'] == 2
    assert found['ingestkit_pdfd_attempts_in_progress{lane="default",state="waiting"}'] == 0
    workers = {
        state: found[f'ingestkit_pdfd_workers{{state="{state}"}}'] for state in ("busy", "idle", "starting")
    }
    assert workers == {"busy": 2, "idle": 1, "starting": 1}
    assert found['ingestkit_pdfd_worker_restarts_total{cause="memory"}'] == 1
    assert found['ingestkit_pdfd_worker_restarts_total{cause="crashed"}'] == 0
    assert found['ingestkit_pdfd_resident_memory_bytes{process="daemon"}'] > 2**20


def test_an_event_loop_that_hangs_leaves_a_gap_and_not_an_old_number() -> None:
    """A daemon that hangs would look well: connected, and with nothing to do."""
    found = live(None)
    assert not [name for name in found if "broker_connected" in name or "in_progress" in name]
    assert found['ingestkit_pdfd_workers{state="busy"}'] == 2


def exported() -> dict[str, str]:
    """Every metric of a daemon: its name as it is written in queries, and its kind."""

    async def scrape() -> str:
        metrics = Metrics(["default"])
        metrics.registry.register(LiveCollector(Probe(lambda: IDLE), lambda: STATS, ["default"]))
        return (await asyncio.to_thread(generate_latest, metrics.registry)).decode()

    lines = asyncio.run(scrape()).splitlines()
    kinds = dict(line.split()[2:4] for line in lines if line.startswith("# TYPE"))
    return {name: kind for name, kind in kinds.items() if not name.endswith("_created")}


def test_names_follow_the_conventions_of_prometheus() -> None:
    """A name that breaks them must be changed later, and every dashboard with it."""
    kinds = exported()
    assert len(kinds) > 25
    for name, kind in kinds.items():
        assert re.fullmatch(rf"{NAMESPACE}_[a-z][a-z_]*[a-z]", name)
        assert (kind == "counter") == name.endswith("_total"), name
        if kind == "histogram":
            assert name.endswith(("_seconds", "_bytes")), name


def test_the_reference_lists_every_metric_and_no_other() -> None:
    """An operator would look for a metric that is not there, or not know of one that is."""
    listed = dict(re.findall(r"^\| `(ingestkit_pdfd_\w+)` \| (\w+) \|", REFERENCE.read_text(), re.MULTILINE))
    assert listed == exported()
