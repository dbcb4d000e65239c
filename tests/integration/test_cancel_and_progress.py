"""Cancelling and following jobs, through a real broker and real daemons."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pika
import pytest

from demo.broker import PrivateBroker
from ingestkit_pdf import DistributedExecutionBackend, ErrorCode, PDFProcessorConfig
from ingestkit_pdf.errors import ExecutionError, JobNotFoundError, ResultTimeoutError
from ingestkit_pdf.execution._client.amqp import properties_of
from ingestkit_pdf.models import JobOutcome, JobProgress, ProgressEvent
from ingestkit_pdf.wire.envelope import Message, RequestKind, encode_request
from ingestkit_pdf.wire.topology import Topology
from support.amqp import assert_queues_empty, channel
from support.answering import Answering
from support.daemon import DaemonProcess
from support.documents import endless_pdf, text_pdf
from support.waiting import until

pytestmark = pytest.mark.broker

NAMES = Topology()
CONFIG = PDFProcessorConfig()
TIMEOUT = 60.0
CANCELLED = [ErrorCode.E_EXECUTION_CANCELLED]


@pytest.fixture
def document(tmp_path: Path) -> str:
    """A small PDF file."""
    path = tmp_path / "secret-name.pdf"
    path.write_bytes(text_pdf("A page."))
    return str(path)


@pytest.fixture
def endless(tmp_path: Path) -> str:
    """One that is never done."""
    path = tmp_path / "endless.pdf"
    path.write_bytes(endless_pdf())
    return str(path)


@pytest.fixture
def client(amqp_url: str) -> Iterator[DistributedExecutionBackend]:
    """A client with a name, as one that cancels jobs of its predecessor."""
    with DistributedExecutionBackend(amqp_url, client_id="alice", submit_timeout=10) as backend:
        yield backend


def begin(client: DistributedExecutionBackend, path: str) -> str:
    """Submit a document, and wait until a worker has it."""
    job_id = client.submit(path, CONFIG)
    assert next(iter(client.progress(job_id, timeout=TIMEOUT))).event is ProgressEvent.STARTED
    return job_id


def errors(client: DistributedExecutionBackend, job_id: str) -> list[str]:
    """The errors of its result."""
    return client.get_result(job_id, timeout=TIMEOUT).errors


def test_a_long_document_tells_its_course(
    amqp_url: str, client: DistributedExecutionBackend, tmp_path: Path
) -> None:
    """Nobody could tell a long document from one that hangs, or its name would be told to others."""
    path = tmp_path / "secret-name.pdf"
    path.write_bytes(endless_pdf(5, 12, pages=4))
    with DaemonProcess(amqp_url, tmp_path, workers=1), channel(amqp_url) as spy:
        queue = spy.queue_declare("", exclusive=True).method.queue
        spy.queue_bind(queue, NAMES.events_exchange.name, "#")
        job_id = client.submit(str(path), CONFIG)
        events = list(client.progress(job_id, timeout=TIMEOUT))
        assert client.get_result(job_id, timeout=TIMEOUT).errors == []
        overheard = []
        while (found := spy.basic_get(queue, auto_ack=True))[0] is not None:
            overheard.append((found[0].routing_key, found[2]))
    assert (events[0].event, events[0].attempt, events[0].lane) == ("started", 1, "default")
    assert events[0].host
    pages = [event for event in events if event.event is ProgressEvent.PAGE]
    assert pages
    assert [event.page for event in pages] == sorted({event.page or 0 for event in pages})
    assert {event.pages for event in pages} == {4}
    assert pages[0].at - events[0].at >= 0.9
    assert events[-1].event is ProgressEvent.FINISHED
    assert (events[-1].outcome, events[-1].pages) == (JobOutcome.COMPLETED, 4)
    assert {key for key, _ in overheard} == {
        f"alice.{job_id}.{event}" for event in ("started", "page", "finished")
    }
    assert "secret-name" not in str(overheard)


def test_a_short_document_nobody_follows_tells_nothing(
    amqp_url: str, client: DistributedExecutionBackend, document: str, tmp_path: Path
) -> None:
    """Every job would cost events that nobody wants; or who asks when it is over would wait for ever."""
    with DaemonProcess(amqp_url, tmp_path, workers=1), channel(amqp_url) as spy:
        queue = spy.queue_declare("", exclusive=True).method.queue
        spy.queue_bind(queue, NAMES.events_exchange.name, "#")
        job_id = client.submit(document, CONFIG)
        client.get_result(job_id, timeout=TIMEOUT)
        assert spy.basic_get(queue)[0] is None
        (event,) = client.progress(job_id, timeout=TIMEOUT)
        assert event.event is ProgressEvent.FINISHED


def test_several_jobs_are_followed_at_once(
    amqp_url: str, client: DistributedExecutionBackend, document: str, tmp_path: Path
) -> None:
    """A batch could only be followed with a thread for each job."""
    missing = tmp_path / "root" / "missing.pdf"
    missing.parent.mkdir()
    settings = {"allowed_roots": [str(missing.parent)], "retry_attempts": {"source_unavailable": 1}}
    with DaemonProcess(amqp_url, tmp_path, **settings):
        jobs = [client.submit(path, CONFIG) for path in (document, str(missing), document)]
        ends = {
            event.job_id: event.outcome
            for event in client.progress(jobs, timeout=TIMEOUT)
            if event.event is ProgressEvent.FINISHED
        }
        assert [ends[job] for job in jobs] == ["completed", "failed", "completed"]
        assert all(client.get_result(job, timeout=TIMEOUT) for job in jobs)


def test_who_follows_waits_no_longer_than_told_and_leaves_no_queue(
    amqp_url: str, client: DistributedExecutionBackend, document: str
) -> None:
    """A caller would wait beyond its deadline, or each that follows would leave a queue behind."""
    job_id = client.submit(document, CONFIG)

    def queues() -> int:
        with channel(amqp_url) as spy:
            try:
                spy.exchange_delete(NAMES.events_exchange.name, if_unused=True)
            except pika.exceptions.ChannelClosedByBroker:
                return 1  # something is bound to it
        return 0

    with pytest.raises(ResultTimeoutError):
        list(client.progress(job_id, timeout=1.0))
    assert until(lambda: queues() == 0)


def test_without_a_daemon_that_tells_the_result_is_the_end(
    amqp_url: str, client: DistributedExecutionBackend, document: str
) -> None:
    """Beside daemons of an older version, whoever follows a job would wait for ever."""
    with Answering(amqp_url):
        job_id = client.submit(document, CONFIG)
        (event,) = client.progress(job_id, timeout=TIMEOUT)
        assert (event.event, event.outcome) == (ProgressEvent.FINISHED, None)
    job_id = client.submit(document, CONFIG)
    with pytest.raises(ExecutionError, match="was not cancelled"):
        client.cancel(job_id)


def test_a_running_job_is_cancelled(
    amqp_url: str, client: DistributedExecutionBackend, document: str, endless: str, tmp_path: Path
) -> None:
    """A job nobody wants any more would hold a worker until its limit, or be retried or parked."""
    with DaemonProcess(amqp_url, tmp_path, workers=1) as daemon:
        job_id = begin(client, endless)
        steps = client.progress(job_id, timeout=TIMEOUT)
        assert client.cancel(job_id)
        assert errors(client, job_id) == CANCELLED
        assert list(steps)[-1].event is ProgressEvent.FINISHED
        (line,) = daemon.wait_for("attempt_finished", job_id=job_id)
        assert (line["outcome"], line["settled"]) == ("cancelled", 1)
        assert not client.cancel(job_id)
        assert client.get_result(client.submit(document, CONFIG), timeout=TIMEOUT).succeeded
    assert_queues_empty(amqp_url)


def test_a_job_that_waits_for_a_worker_or_in_the_queue_is_not_begun(
    amqp_url: str, client: DistributedExecutionBackend, document: str, endless: str, tmp_path: Path
) -> None:
    """What waits could not be cancelled, and would be run for nobody once a worker is free."""
    with DaemonProcess(amqp_url, tmp_path, workers=1, prefetch=2) as daemon:
        running = begin(client, endless)
        waiting, queued, wanted = (client.submit(document, CONFIG) for _ in range(3))
        assert client.cancel(waiting)
        assert errors(client, waiting) == CANCELLED
        assert client.cancel(queued)
        assert client.cancel(running)
        assert errors(client, queued) == CANCELLED
        assert errors(client, running) == CANCELLED
        assert client.get_result(wanted, timeout=TIMEOUT).succeeded
        lines = daemon.wait_for("attempt_finished", count=4)
        begun = {line["job_id"]: line["run_seconds"] > 0 for line in lines}
        assert begun == {running: True, waiting: False, queued: False, wanted: True}
    assert_queues_empty(amqp_url)


def test_a_job_between_two_attempts_is_cancelled(
    amqp_url: str, client: DistributedExecutionBackend, tmp_path: Path
) -> None:
    """A job on a rung would go on being tried, for hours, though nobody wants it."""
    missing = tmp_path / "root" / "missing.pdf"
    missing.parent.mkdir()
    with DaemonProcess(amqp_url, tmp_path, allowed_roots=[str(missing.parent)]) as daemon:
        job_id = client.submit(str(missing), CONFIG)
        steps = client.progress(job_id, timeout=TIMEOUT)
        first = next(step for step in steps if step.event is ProgressEvent.RETRYING)
        # The first attempt may be over before the daemon has heard that somebody follows.
        assert (first.reason, first.delay) in {("source_unavailable", 5), ("source_unavailable", 30)}
        assert client.cancel(job_id)
        assert errors(client, job_id) == CANCELLED
        lines = daemon.wait_for("attempt_finished", count=first.attempt + 1)
        assert [line["outcome"] for line in lines] == ["retried"] * first.attempt + ["cancelled"]
        assert list(steps)[-1].outcome is JobOutcome.CANCELLED
    assert_queues_empty(amqp_url)


def test_an_unknown_job_and_one_that_has_its_result_stay_as_they_are(
    amqp_url: str, client: DistributedExecutionBackend, document: str, tmp_path: Path
) -> None:
    """A cancel that comes late would take a result away, or one for nothing disturb other jobs."""
    with DaemonProcess(amqp_url, tmp_path):
        assert client.cancel("never-submitted")
        job_id = client.submit(document, CONFIG)
        assert client.get_result(job_id, timeout=TIMEOUT).succeeded
        assert not client.cancel(job_id)
        ask(amqp_url, *encode_request(RequestKind.CANCEL, NAMES.reply_queue("alice").name, [job_id]))
        assert client.get_result(job_id, timeout=TIMEOUT).succeeded
        client.submit(document, CONFIG, job_id=job_id)  # answered from the daemon's memory
        assert client.get_result(job_id, timeout=TIMEOUT).succeeded
        with DistributedExecutionBackend(amqp_url) as nameless, pytest.raises(JobNotFoundError):
            nameless.cancel(job_id)


def ask(url: str, *messages: Message) -> None:
    """Publish into the control exchange, whatever it is."""
    with channel(url) as opened:
        for message in messages:
            opened.basic_publish(
                NAMES.control_exchange.name, "", message.body, properties_of(message), mandatory=True
            )


def test_nobody_cancels_a_job_of_others(
    amqp_url: str, client: DistributedExecutionBackend, document: str, endless: str, tmp_path: Path
) -> None:
    """Whoever finds a job id in a log could end the job, or one odd message the daemon's hearing."""
    with (
        DaemonProcess(amqp_url, tmp_path, workers=1, log_level="debug") as daemon,
        DistributedExecutionBackend(amqp_url, client_id="mallory", submit_timeout=10) as mallory,
    ):
        job_id = begin(client, endless)
        assert mallory.cancel(job_id)
        (good,) = encode_request(RequestKind.CANCEL, NAMES.reply_queue("alice").name, [job_id])
        odd = [
            replace(good, body=b"\xff" * 100),
            replace(good, body=json.dumps({"version": 1, "jobs": [job_id], "x": "x" * 70_000}).encode()),
            replace(good, body=b""),
            replace(good, type="ingestkit.pdf.job.v1"),
            replace(good, reply_to="ingestkit.pdf.dead"),
            replace(good, content_encoding="deflate"),
        ]
        ask(amqp_url, *odd)
        daemon.wait_for("request_forged", count=1, job_id=job_id)
        daemon.wait_for("request_invalid", count=len(odd))
        assert daemon.logged("job_cancelled") == []
        assert client.cancel(job_id)
        assert errors(client, job_id) == CANCELLED


def test_of_two_daemons_the_one_that_has_the_job_ends_it(
    amqp_url: str, client: DistributedExecutionBackend, document: str, endless: str, tmp_path: Path
) -> None:
    """With more than one daemon, a cancel would reach the wrong one, or end a neighbour's job."""
    settings = {"workers": 1, "prefetch": 1}
    with DaemonProcess(amqp_url, tmp_path, **settings), DaemonProcess(amqp_url, tmp_path, **settings):
        first, second = begin(client, endless), begin(client, endless)
        queued = client.submit(document, CONFIG)
        assert client.cancel(queued)
        assert client.cancel(first)
        assert errors(client, first) == CANCELLED
        assert errors(client, queued) == CANCELLED  # whichever of the two it came to
        with pytest.raises(ResultTimeoutError):
            client.get_result(second, timeout=0.5)
        assert client.cancel(second)
        assert errors(client, second) == CANCELLED
    assert_queues_empty(amqp_url)


def test_a_restart_of_the_broker_forgets_neither_cancels_nor_who_follows(
    broker: PrivateBroker,
    amqp_url: str,
    client: DistributedExecutionBackend,
    document: str,
    endless: str,
    tmp_path: Path,
) -> None:
    """What was cancelled before an upgrade of the broker would be run, or nobody could cancel again."""
    with DaemonProcess(amqp_url, tmp_path, workers=1, prefetch=1) as daemon:
        running = begin(client, endless)
        queued = client.submit(document, CONFIG)
        assert client.cancel(queued)
        steps: Iterator[JobProgress] = client.progress(running, timeout=TIMEOUT)
        assert next(steps).event is ProgressEvent.STARTED
        broker.restart()
        daemon.wait_for("daemon_ready", count=2, timeout=60)
        until(lambda: heard(lambda: client.cancel(running)), timeout=30)
        assert errors(client, running) == CANCELLED
        assert errors(client, queued) == CANCELLED
        assert list(steps)[-1].event is ProgressEvent.FINISHED


def heard(cancel: Callable[[], bool]) -> bool:
    """Whether a daemon hears again: it connects for that a moment later than for the jobs."""
    try:
        cancel()
    except ExecutionError:
        return False
    return True
