"""Results that are large, many, unclaimed for long, asked for twice, or outlive their client."""

from __future__ import annotations

import logging
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from demo.broker import PrivateBroker
from ingestkit_pdf import DistributedExecutionBackend, ErrorCode, PDFProcessorConfig
from ingestkit_pdf.errors import SubmitError
from ingestkit_pdf.wire.topology import Topology
from support.amqp import assert_queues_empty, depth
from support.daemon import DaemonProcess
from support.documents import endless_pdf, text_pdf
from support.waiting import until

pytestmark = [pytest.mark.broker, pytest.mark.slow]

NAMES = Topology()
CONFIG = PDFProcessorConfig()
SMALL_MESSAGES = 100_000
MESSAGE_LIMIT = 16 * 1024 * 1024
IMPATIENCE = 5.0
MIB = 1024 * 1024


def incompressible_pdf(pages: int) -> bytes:
    """A PDF of words that no dictionary has, no two of them alike."""
    source = random.Random(pages)
    words = [[f"{source.getrandbits(60):015x}" for _ in range(6)] for _ in range(50 * pages)]
    lines = [" ".join(line) for line in words]
    return text_pdf(*("\n".join(lines[start : start + 50]) for start in range(0, len(lines), 50)))


@pytest.fixture
def document(tmp_path: Path) -> str:
    """A page with a few words on it."""
    path = tmp_path / "document.pdf"
    path.write_bytes(text_pdf())
    return str(path)


@pytest.fixture
def impatient(make_broker: Callable[..., PrivateBroker]) -> Iterator[PrivateBroker]:
    """A broker that takes deliveries back after five seconds."""
    config = {"consumer_timeout": str(int(IMPATIENCE * 1000))}
    with make_broker(config=config, settings={"channel_tick_interval": 1000}) as broker:
        yield broker


def test_a_result_larger_than_a_message_may_be_travels_in_parts(
    make_broker: Callable[..., PrivateBroker], tmp_path: Path, staging: Path
) -> None:
    """Where an operator limits messages, one large document would end every daemon, one after the other."""
    path = tmp_path / "large.pdf"
    path.write_bytes(incompressible_pdf(60))
    with make_broker(config={"max_message_size": str(SMALL_MESSAGES)}) as broker:
        url = broker.create_vhost()
        with DaemonProcess(url, staging, allowed_roots=[str(tmp_path)]) as daemon:
            with DistributedExecutionBackend(url, inline_limit=0) as client:
                jobs = [client.submit(str(path), CONFIG) for _ in range(10)]
                results = dict(client.as_completed(jobs, timeout=60))
            assert {len(result.pages) for result in results.values()} == {60}
            assert all(
                line["result_bytes"] > 5 * SMALL_MESSAGES for line in daemon.logged("attempt_finished")
            )
            assert len(daemon.logged("message_limit_learned")) == 1
            with DistributedExecutionBackend(url) as client:
                with pytest.raises(SubmitError, match="inline_limit"):
                    client.submit(str(path), CONFIG)
            assert daemon.logged("broker_refused") == []
        assert_queues_empty(url)


def test_documents_and_results_larger_than_any_broker_takes_at_once(
    make_broker: Callable[..., PrivateBroker], tmp_path: Path, staging: Path
) -> None:
    """Version 4 takes 16 MiB in a message: larger documents and results would be refused, or end daemons."""
    path = tmp_path / "large.pdf"
    path.write_bytes(incompressible_pdf(3000))
    blank = tmp_path / "blank.pdf"
    blank.write_bytes(bytes(MESSAGE_LIMIT + 1))
    with make_broker(config={"max_message_size": str(MESSAGE_LIMIT)}) as broker:
        url = broker.create_vhost()
        with DistributedExecutionBackend(url, inline_limit=100 * MIB) as client:
            with pytest.raises(SubmitError, match=rf"at most {MESSAGE_LIMIT} bytes; lower inline_limit"):
                client.submit(str(blank), CONFIG)
        with DaemonProcess(url, staging, allowed_roots=[str(tmp_path)]) as daemon:
            with DistributedExecutionBackend(url) as client:
                result = client.get_result(client.submit(str(path), CONFIG), timeout=240)
            assert (result.errors, len(result.pages)) == ([], 3000)
            (line,) = daemon.logged("attempt_finished")
            assert line["result_bytes"] > 2 * MESSAGE_LIMIT
            assert daemon.logged("message_limit_learned") == []
        assert_queues_empty(url)


def test_ten_thousand_results_that_nobody_reads_burden_no_one(
    amqp_url: str, document: str, staging: Path
) -> None:
    """A producer that submits much and reads late would fill the daemon's memory, or hold up the others."""
    settings = {"remember_results": 8 * MIB}
    with DaemonProcess(amqp_url, staging, **settings) as daemon:
        with DistributedExecutionBackend(amqp_url) as slow, DistributedExecutionBackend(amqp_url) as other:
            warm_up = [slow.submit(document, CONFIG) for _ in range(200)]
            dict(slow.as_completed(warm_up, timeout=60))
            before = psutil.Process(daemon.process.pid).memory_info().rss
            jobs = [slow.submit(document, CONFIG) for _ in range(10_000)]
            daemon.wait_for("attempt_finished", count=10_200, timeout=400)
            begun = time.monotonic()
            assert not other.get_result(other.submit(document, CONFIG), timeout=20).errors
            waited = time.monotonic() - begun
            grown = psutil.Process(daemon.process.pid).memory_info().rss - before
            print(f"grown by {grown / MIB:.1f} MiB; the other client waited {waited:.3f} s")  # noqa: T201
            assert grown < 48 * MIB
            assert waited < 3
            assert {job_id for job_id, _ in slow.as_completed(jobs, timeout=200)} == set(jobs)
    assert_queues_empty(amqp_url)


def test_a_result_unclaimed_for_longer_than_the_broker_waits_can_still_be_claimed(
    impatient: PrivateBroker, document: str, staging: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A producer that comes back to its results after the broker's delivery timeout would find none."""
    caplog.set_level(logging.WARNING, "ingestkit_pdf.client")

    # Acknowledged at the latest when they come again: the channel they came on may be gone.
    def settled(queue: str) -> bool:
        return {each["name"]: each["messages"] for each in impatient.management.queues("/")}[queue] == 0

    def taken_back() -> int:
        return sum("timed out" in record.getMessage() for record in caplog.records)

    settings = {"delivery_timeout": IMPATIENCE, "document_timeout": 1, "drain_timeout": 1}
    with DaemonProcess(impatient.amqp_url, staging, **settings) as daemon:
        with DistributedExecutionBackend(impatient.amqp_url, client_id="late") as client:
            jobs = [client.submit(document, CONFIG) for _ in range(50)]
            daemon.wait_for("attempt_finished", count=50)
            until(lambda: taken_back() >= 3, timeout=60)
            results = dict(client.as_completed(jobs, timeout=20))
            assert set(results) == set(jobs)
            assert not any(result.errors for result in results.values())
            until(lambda: settled(NAMES.reply_queue("late").name))


def test_a_client_that_was_killed_finds_everything_under_its_name(
    amqp_url: str, document: str, staging: Path
) -> None:
    """The results of a producer that crashed would be lost to the one that takes its place."""
    program = (
        "import sys, time\n"
        "from ingestkit_pdf import DistributedExecutionBackend, PDFProcessorConfig\n"
        "client = DistributedExecutionBackend(sys.argv[1], client_id='alice')\n"
        "for _ in range(500):\n"
        "    print(client.submit(sys.argv[2], PDFProcessorConfig()), flush=True)\n"
        "time.sleep(600)\n"
    )
    producer = subprocess.Popen(
        [sys.executable, "-c", program, amqp_url, document], stdout=subprocess.PIPE, text=True
    )
    assert producer.stdout is not None
    with DaemonProcess(amqp_url, staging) as daemon:
        submitted = [producer.stdout.readline().strip() for _ in range(500)]
        daemon.wait_for("attempt_finished", count=100)
        producer.send_signal(signal.SIGKILL)
        producer.wait(10)
        producer.stdout.close()
        with DistributedExecutionBackend(amqp_url, client_id="alice") as client:
            results = dict(client.as_completed(submitted, timeout=60))
    assert set(results) == set(submitted)
    assert depth(amqp_url, NAMES.reply_queue("alice").name) == 0
    assert_queues_empty(amqp_url)


def test_a_job_that_is_submitted_again_is_not_run_again(amqp_url: str, tmp_path: Path, staging: Path) -> None:
    """A producer that does not know whether it has submitted a job could not submit it again."""
    path = tmp_path / "long.pdf"
    path.write_bytes(incompressible_pdf(400))
    with DaemonProcess(amqp_url, staging) as daemon:
        with DistributedExecutionBackend(amqp_url) as client:
            for _ in range(3):
                client.submit(str(path), CONFIG, job_id="once")
            daemon.wait_for("delivery_attached", count=2)
            first = client.get_result("once", timeout=60)
            until(lambda: depth(amqp_url, NAMES.reply_queue(client.client_id).name) == 0)
            client.submit(str(path), CONFIG, job_id="once")
            daemon.wait_for("delivery_answered_again")
            again = client.get_result("once", timeout=20)
        assert first.ingest_run_id == again.ingest_run_id
        assert len(daemon.logged("attempt_finished")) == 1
    assert_queues_empty(amqp_url)


def test_a_job_longer_than_the_broker_waits_does_not_run_for_ever(
    impatient: PrivateBroker, tmp_path: Path, staging: Path, document: str
) -> None:
    """A broker that takes deliveries back sooner than the daemon was told would have long jobs run again."""
    path = tmp_path / "endless.pdf"
    path.write_bytes(endless_pdf())
    with DaemonProcess(impatient.amqp_url, staging, document_timeout=4 * IMPATIENCE) as daemon:
        with DistributedExecutionBackend(impatient.amqp_url) as client:
            job_id = client.submit(str(path), CONFIG)
            daemon.wait_for("delivery_attached", count=2, timeout=60)
            assert client.get_result(job_id, timeout=60).errors == [ErrorCode.E_EXECUTION_TIMEOUT]
            assert not client.get_result(client.submit(document, CONFIG), timeout=20).errors
        assert len(daemon.logged("attempt_finished", job_id=job_id)) == 1
        assert any("timed out" in line["reason"] for line in daemon.logged("broker_lost"))
    assert_queues_empty(impatient.amqp_url, parked=1)
