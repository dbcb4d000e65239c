"""The daemon in a process of its own, against a real broker."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pika
import psutil
import pytest

from demo.broker import PrivateBroker
from ingestkit_pdf import ErrorCode, PDFProcessorConfig, ProcessingResult
from ingestkit_pdf.wire.envelope import ResultAssembler, decode_result_part, encode_job
from ingestkit_pdf.wire.topology import Topology
from support.amqp import channel, depth, publish, take, take_all
from support.daemon import DaemonProcess
from support.documents import endless_pdf, text_pdf

pytestmark = pytest.mark.broker

NAMES = Topology()
CONFIG = PDFProcessorConfig()


class Producer:
    """Publishes jobs and reads replies with nothing but the wire format."""

    def __init__(self, url: str, client_id: str = "tests") -> None:
        self.url = url
        self.reply_to = NAMES.reply_queue(client_id).name

    def declare(self) -> None:
        with channel(self.url) as opened:
            arguments = dict(NAMES.reply_queue("x").arguments)
            opened.queue_declare(self.reply_to, durable=True, arguments=arguments)

    def submit(
        self,
        document: bytes | None,
        *,
        path: str = "/p/a.pdf",
        config: PDFProcessorConfig = CONFIG,
        lane: str = "default",
        job_id: str | None = None,
    ) -> str:
        job_id = job_id or uuid.uuid4().hex
        job = encode_job(job_id, reply_to=self.reply_to, config=config, path=path, document=document)
        publish(self.url, job, exchange=NAMES.jobs_exchange.name, routing_key=lane)
        return job_id

    def results(self, count: int, timeout: float = 30.0) -> dict[str, ProcessingResult]:
        """The results of so many jobs; of a job that was answered twice, the first."""
        found: dict[str, ProcessingResult] = {}
        while len(found) < count:
            part = decode_result_part(take(self.url, self.reply_to, timeout=timeout))
            body = ResultAssembler().add(part)
            assert body is not None
            found.setdefault(part.job_id, ProcessingResult.model_validate_json(body))
        return found


@pytest.fixture
def producer(amqp_url: str) -> Producer:
    made = Producer(amqp_url)
    made.declare()
    return made


@pytest.fixture
def daemon(amqp_url: str, tmp_path: Path) -> Iterator[DaemonProcess]:
    with DaemonProcess(amqp_url, tmp_path) as process:
        yield process


def test_a_document_comes_back_as_text(daemon: DaemonProcess, producer: Producer) -> None:
    """The main job would not work: no result, or an empty one."""
    job_id = producer.submit(
        text_pdf("The quick brown fox", "jumps over the lazy dog"), path="/theirs/fox.pdf"
    )
    result = producer.results(1)[job_id]
    assert result.errors == []
    assert result.file_path == "/theirs/fox.pdf"
    assert "quick brown fox" in result.markdown
    assert [page.page_number for page in result.pages] == [1, 2]
    (line,) = daemon.wait_for("attempt_finished", job_id=job_id)
    assert line["outcome"] == "completed"
    assert line["pages"] == 2
    assert "fox" not in json.dumps(daemon.events)


def test_a_document_by_path_is_read_only_beneath_the_allowed_roots(
    amqp_url: str, producer: Producer, tmp_path: Path
) -> None:
    """Jobs by path would fail, or reach files that nobody allowed."""
    root = tmp_path / "documents"
    root.mkdir()
    (root / "in.pdf").write_bytes(text_pdf("inside"))
    (tmp_path / "out.pdf").write_bytes(text_pdf("outside"))
    with DaemonProcess(amqp_url, tmp_path, allowed_roots=[str(root)]):
        inside = producer.submit(None, path=str(root / "in.pdf"))
        outside = producer.submit(None, path=str(tmp_path / "out.pdf"))
        results = producer.results(2)
    assert "inside" in results[inside].markdown
    assert results[outside].errors == [ErrorCode.E_SOURCE_FORBIDDEN]
    assert take(amqp_url, NAMES.dead_queue.name).headers["x-ingestkit-reason"] == ErrorCode.E_SOURCE_FORBIDDEN


def test_a_document_that_never_ends_is_killed_and_parked_with_its_reason(
    daemon: DaemonProcess, producer: Producer
) -> None:
    """One endless document would hold a worker for ever, or vanish without an explanation."""
    endless = producer.submit(endless_pdf(), config=PDFProcessorConfig(per_document_timeout_seconds=1))
    good = [producer.submit(text_pdf(f"neighbour {number}")) for number in range(5)]
    results = producer.results(6)
    assert results[endless].errors == [ErrorCode.E_EXECUTION_TIMEOUT]
    assert all(results[job_id].errors == [] for job_id in good)
    letter = take(producer.url, NAMES.dead_queue.name)
    assert letter.message_id == endless
    assert letter.body == endless_pdf()
    details = json.loads(letter.headers["x-ingestkit-details"])
    assert details["reason"] == "timeout"
    assert details["page_reached"] == 1
    assert details["peak_memory_bytes"] > 0
    assert len(details["document_sha256"]) == 64


def test_a_killed_worker_costs_its_own_job_one_attempt(daemon: DaemonProcess, producer: Producer) -> None:
    """The out-of-memory killer would take neighbours along, or the job would be tried for ever."""
    job_id = producer.submit(endless_pdf())
    for attempt in (1, 2):
        victim = _busy_worker(daemon)
        victim.kill()
        outcome = "retried" if attempt == 1 else "deadlettered"
        (line,) = daemon.wait_for("attempt_finished", job_id=job_id, attempt=attempt)
        assert line["outcome"] == outcome
        assert line["signal"] == "SIGKILL"
        neighbour = producer.submit(text_pdf("still here"))
        results = producer.results(1 if attempt == 1 else 2)
        assert results[neighbour].errors == []
    assert results[job_id].errors == [ErrorCode.E_EXECUTION_CRASHED]
    letter = take(producer.url, NAMES.dead_queue.name)
    history = json.loads(letter.headers["x-ingestkit-history"])["records"]
    assert [record["attempt"] for record in history] == [1, 2]


def _busy_worker(daemon: DaemonProcess, timeout: float = 30.0) -> psutil.Process:
    """A worker that has used processor time since the first look at it."""
    deadline = time.monotonic() + timeout
    before: dict[int, float] = {}
    while time.monotonic() < deadline:
        for worker in daemon.workers():
            used = sum(worker.cpu_times()[:2])
            if used - before.setdefault(worker.pid, used) > 0.2:
                return worker
        time.sleep(0.05)
    raise AssertionError("no worker is busy")


def test_what_is_no_job_is_parked_and_the_client_is_told(daemon: DaemonProcess, producer: Producer) -> None:
    """A malformed message would block its lane, crash the daemon or vanish."""
    good = encode_job("bad-job", reply_to=producer.reply_to, config=CONFIG, path="/a", document=b"%PDF-")
    exchange = NAMES.jobs_exchange.name
    publish(producer.url, good, exchange=exchange, routing_key="default", type="something.else")
    publish(producer.url, good, exchange=exchange, routing_key="default", headers={"x-ingestkit-job": "{"})
    publish(producer.url, good, exchange=exchange, routing_key="default", reply_to="amq.somewhere")
    letters = take_all(producer.url, NAMES.dead_queue.name, count=3)
    assert all(letter.headers["x-ingestkit-reason"] == ErrorCode.E_EXECUTION_REJECTED for letter in letters)
    assert all(letter.headers["x-ingestkit-reason-text"] for letter in letters)
    told = take_all(producer.url, producer.reply_to, count=2)
    assert {message.message_id for message in told} == {"bad-job"}
    job_id = producer.submit(text_pdf("and a good one"))
    assert producer.results(1)[job_id].errors == []


def test_a_result_whose_reply_queue_is_gone_is_kept(daemon: DaemonProcess, producer: Producer) -> None:
    """The result of a client that went away would be lost."""
    job_id = producer.submit(endless_pdf(), config=PDFProcessorConfig(per_document_timeout_seconds=2))
    with channel(producer.url) as opened:
        opened.queue_delete(producer.reply_to)
    orphan = take(producer.url, NAMES.orphaned_queue.name)
    assert orphan.message_id == job_id


def test_lanes_are_consumed_side_by_side(amqp_url: str, producer: Producer, tmp_path: Path) -> None:
    """A lane that is full of slow documents would stop the other lanes."""
    with DaemonProcess(amqp_url, tmp_path, lanes=["slow", "fast"], prefetch=1, drain_timeout=2):
        producer.submit(endless_pdf(), lane="slow")
        producer.submit(endless_pdf(), lane="slow")
        job_id = producer.submit(text_pdf("quick"), lane="fast")
        assert producer.results(1)[job_id].errors == []


def test_sigterm_gives_back_what_cannot_finish_and_counts_no_attempt(
    amqp_url: str, producer: Producer, tmp_path: Path
) -> None:
    """Stopping a daemon would lose its jobs, or use up their attempts."""
    first = DaemonProcess(amqp_url, tmp_path, drain_timeout=5).start()
    jobs = [producer.submit(endless_pdf()) for _ in range(4)]
    _busy_worker(first)
    begun = time.monotonic()
    assert first.terminate() == 0
    # Endless documents take four fifths of it; five seconds more are what the watchdog allows for the rest.
    assert 4 <= time.monotonic() - begun < 5 + 5
    assert [line["outcome"] for line in first.logged("attempt_finished")] == ["requeued"] * 4
    assert list(tmp_path.iterdir()) == [], "staged documents were left behind"
    with DaemonProcess(amqp_url, tmp_path, document_timeout=1) as second:
        results = producer.results(4)
        assert {line["attempt"] for line in second.logged("attempt_finished")} == {1}
    assert set(results) == set(jobs)


def test_a_second_sigterm_does_not_wait(amqp_url: str, producer: Producer, tmp_path: Path) -> None:
    """An operator in a hurry would have to use SIGKILL."""
    daemon = DaemonProcess(amqp_url, tmp_path, drain_timeout=60).start()
    producer.submit(endless_pdf())
    _busy_worker(daemon)
    daemon.process.send_signal(signal.SIGTERM)
    daemon.wait_for("daemon_draining")
    assert daemon.terminate(timeout=10) == 0
    assert depth(amqp_url, NAMES.job_queue("default").name) == 1


def test_a_killed_daemon_leaves_nothing_and_its_jobs_run_elsewhere(
    amqp_url: str, producer: Producer, tmp_path: Path
) -> None:
    """A daemon that dies would take its jobs along, or leave workers and documents behind."""
    first = DaemonProcess(amqp_url, tmp_path).start()
    job_id = producer.submit(endless_pdf())
    _busy_worker(first)
    first.kill()
    with DaemonProcess(amqp_url, tmp_path, document_timeout=2) as second:
        (line,) = second.wait_for("attempt_finished", job_id=job_id)
        assert line["attempt"] == 1
        assert line["redelivered"]
        assert producer.results(1)[job_id].errors == [ErrorCode.E_EXECUTION_TIMEOUT]
        assert len(list(tmp_path.iterdir())) == 1, "the killed daemon's staging folder is still there"


def test_a_broker_restart_is_survived_and_nothing_runs_twice(
    broker: PrivateBroker, daemon: DaemonProcess, producer: Producer
) -> None:
    """A restart of the broker would stop the consuming for ever, or run each job again."""
    job_id = producer.submit(endless_pdf(), config=PDFProcessorConfig(per_document_timeout_seconds=12))
    _busy_worker(daemon)
    broker.restart()
    daemon.wait_for("daemon_ready", count=2)
    quick = producer.submit(text_pdf("after the restart"))
    results = producer.results(2, timeout=40)
    assert results[quick].errors == []
    assert results[job_id].errors == [ErrorCode.E_EXECUTION_TIMEOUT]
    assert len(daemon.logged("attempt_finished", job_id=job_id)) == 1
    assert depth(producer.url, NAMES.job_queue("default").name) == 0


def test_a_deleted_job_queue_is_declared_again(daemon: DaemonProcess, producer: Producer) -> None:
    """The daemon would go on without a consumer and look alive."""
    with channel(producer.url) as opened:
        opened.queue_delete(NAMES.job_queue("default").name)
    daemon.wait_for("daemon_ready", count=2)
    job_id = producer.submit(text_pdf("here again"))
    assert producer.results(1)[job_id].errors == []


def test_a_wrong_password_ends_the_daemon_with_a_reason(amqp_url: str, tmp_path: Path) -> None:
    """The service would retry for ever, and nobody would see why nothing is processed."""
    parameters = pika.URLParameters(amqp_url)
    wrong = amqp_url.replace(parameters.credentials.password, "not-the-password")
    daemon = DaemonProcess(wrong, tmp_path).start(ready=False)
    assert daemon.wait(20) == 3
    (line,) = daemon.logged("daemon_failed")
    assert "password" in line["reason"]
    assert "not-the-password" not in json.dumps(daemon.events) + "".join(daemon.noise)
    assert list(tmp_path.iterdir()) == []


def test_a_queue_declared_otherwise_ends_the_daemon_and_names_the_argument(
    amqp_url: str, tmp_path: Path
) -> None:
    """The operator would see a closed channel instead of the queue and the argument that differ."""
    with channel(amqp_url) as opened:
        opened.queue_declare(
            NAMES.retry_queue("default", 5).name,
            durable=True,
            arguments={**NAMES.retry_queue("default", 5).arguments, "x-message-ttl": 1},
        )
    daemon = DaemonProcess(amqp_url, tmp_path).start(ready=False)
    assert daemon.wait(20) == 3
    (line,) = daemon.logged("daemon_failed")
    assert NAMES.retry_queue("default", 5).name in line["reason"]
    assert "x-message-ttl" in line["reason"]


def test_a_broker_that_is_away_is_waited_for(broker: PrivateBroker, amqp_url: str, tmp_path: Path) -> None:
    """A daemon that starts before its broker would give up."""
    broker.kill()
    daemon = DaemonProcess(amqp_url, tmp_path)
    daemon.start(ready=False)
    try:
        daemon.wait_for("broker_lost")
        assert daemon.process.poll() is None
        broker.start()
        daemon.wait_for("daemon_ready")
    finally:
        assert daemon.terminate() == 0


def _check(amqp_url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "INGESTKIT_PDFD_AMQP_URL": amqp_url}
    command = [sys.executable, "-m", "ingestkit_pdfd", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_check_tells_a_good_broker_from_a_bad_one(amqp_url: str) -> None:
    """`check` would pass where `run` fails, or the other way round."""
    good = _check(amqp_url, "check")
    assert good.returncode == 0, good.stdout
    assert "do not exist yet" in good.stdout
    assert _check(amqp_url, "topology", "declare").returncode == 0
    declared = _check(amqp_url, "check", "--json")
    assert all(finding["problem"] is None for finding in json.loads(declared.stdout))
    away = _check("amqp://guest:secret@127.0.0.1:1/", "check")
    assert away.returncode == 1
    assert "FAIL  broker amqp://127.0.0.1:1/" in away.stdout
    assert "secret" not in away.stdout + away.stderr
