"""Workers, daemons and the broker are stopped and killed under load; the ledger must balance."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from demo.broker import PrivateBroker
from ingestkit_pdf import ErrorCode, PDFProcessorConfig
from ingestkit_pdf.wire.topology import Topology
from support.amqp import channel, depth
from support.daemon import DaemonProcess
from support.documents import endless_pdf
from support.ledger import Ledger
from support.waiting import until

pytestmark = [pytest.mark.broker, pytest.mark.slow]

JOB_QUEUE = Topology().job_queue("default").name
JOBS = 500
DRAIN = 10.0
CONSUMING_AGAIN = 10.0
"""Seconds after the broker's port is open."""

# A job may be hit more than once, and is not to be parked for that. RabbitMQ 4 ends it at 20 deliveries.
PATIENT = {"retry_attempts": {"crashed": 60}, "max_deliveries": 19}


def kill_a_worker_at_work(daemon: DaemonProcess) -> None:
    """Kill workers until one of them had a job: documents are read in a moment, most are hit in between."""
    before = len(daemon.logged("attempt_finished", signal="SIGKILL"))
    until(
        lambda: len(daemon.logged("attempt_finished", signal="SIGKILL")) > before or daemon.kill_worker(),
        timeout=60,
    )


def test_kills_of_workers_daemons_and_broker_lose_nothing(
    broker: PrivateBroker, amqp_url: str, open_ledger: Callable[..., Ledger], staging: Path
) -> None:
    """Fifty killed workers, twenty killed daemons and five killed brokers would cost a job or its result."""
    ledger = open_ledger(amqp_url, submit_timeout=180)
    feeding = threading.Thread(target=ledger.submit, args=(JOBS + 200,))
    feeding.start()
    redelivered = 0
    for number in range(20):
        daemon = DaemonProcess(amqp_url, staging, **PATIENT).start()
        daemon.wait_for("attempt_finished", count=2)
        for _ in range(3 if number < 10 else 2):
            kill_a_worker_at_work(daemon)
        if number % 4 == 3:
            broker.kill()
            broker.start()
            daemon.wait_for("daemon_ready", count=2, timeout=CONSUMING_AGAIN)
        daemon.kill()
        redelivered += len(daemon.logged("attempt_finished", redelivered=True))
    assert redelivered >= 20, "of twenty killed daemons, few had a job"
    feeding.join()
    with DaemonProcess(amqp_url, staging, **PATIENT):
        ledger.settle(timeout=300)
    ledger.assert_balanced(amqp_url)


def test_graceful_restarts_of_the_broker_need_nobody(
    broker: PrivateBroker, amqp_url: str, open_ledger: Callable[..., Ledger], staging: Path
) -> None:
    """Each upgrade of the broker would need the daemons to be restarted by hand."""
    ledger = open_ledger(amqp_url)
    with DaemonProcess(amqp_url, staging) as daemon:
        feeding = threading.Thread(target=ledger.submit, args=(JOBS,))
        feeding.start()
        for number in range(1, 6):
            daemon.wait_for("attempt_finished", count=50 * number, timeout=60)
            broker.restart()
            daemon.wait_for("daemon_ready", count=number + 1, timeout=CONSUMING_AGAIN)
        feeding.join()
        ledger.settle(timeout=180)
    ledger.assert_balanced(amqp_url)


def test_ten_stops_under_load_lose_nothing_and_count_no_attempt(
    amqp_url: str, open_ledger: Callable[..., Ledger], staging: Path
) -> None:
    """A deployment would lose the jobs under way, or use up their attempts."""
    ledger = open_ledger(amqp_url)
    ledger.submit(JOBS)
    for _ in range(10):
        daemon = DaemonProcess(amqp_url, staging, drain_timeout=DRAIN).start()
        daemon.wait_for("attempt_finished", count=3)
        begun = time.monotonic()
        assert daemon.terminate() == 0
        assert time.monotonic() - begun < DRAIN
        assert {line["attempt"] for line in daemon.logged("attempt_finished")} == {1}
        assert list(staging.iterdir()) == []
    with DaemonProcess(amqp_url, staging):
        ledger.settle(timeout=180)
    ledger.assert_balanced(amqp_url)


def test_more_stops_than_deliveries_park_nothing(
    amqp_url: str, open_ledger: Callable[..., Ledger], staging: Path, tmp_path: Path
) -> None:
    """A day with many deployments would park the jobs that it found waiting as what takes daemons down."""
    path = tmp_path / "endless.pdf"
    path.write_bytes(endless_pdf())
    ledger = open_ledger(amqp_url)
    settings = {"workers": 1, "max_deliveries": 3, "drain_timeout": 5, "document_timeout": 200}
    jobs = [ledger.backend.submit(str(path), PDFProcessorConfig()) for _ in range(2)]
    for _ in range(5):
        daemon = DaemonProcess(amqp_url, staging, **settings).start()
        until(lambda: depth(amqp_url, JOB_QUEUE) == 0)
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.terminate() == 0
        assert {line["outcome"] for line in daemon.logged("attempt_finished")} == {"requeued"}
    with DaemonProcess(amqp_url, staging, **{**settings, "workers": 2, "document_timeout": 1}):
        for job_id in jobs:
            assert ledger.backend.get_result(job_id, timeout=60).errors == [ErrorCode.E_EXECUTION_TIMEOUT]
    ledger.assert_balanced(amqp_url, parked=jobs)


def test_what_takes_daemons_down_is_parked_before_the_broker_drops_it(
    amqp_url: str, open_ledger: Callable[..., Ledger], staging: Path
) -> None:
    """A document that kills whole daemons would go round for ever, or vanish where the broker has a limit."""
    with DaemonProcess(amqp_url, staging):
        """Declares the queues as daemons have them."""
    ledger = open_ledger(amqp_url)
    ledger.submit(1)
    (poison,) = ledger.confirmed
    for _ in range(16):
        with channel(amqp_url) as dying:  # what a daemon that dies with it looks like to the broker
            assert dying.basic_get(JOB_QUEUE)[0] is not None, "the broker dropped it"
    with DaemonProcess(amqp_url, staging) as daemon:
        ledger.submit(JOBS)
        ledger.settle(timeout=180)
        (line,) = daemon.logged("attempt_finished", job_id=poison)
    assert (line["outcome"], line["code"]) == ("deadlettered", "E_EXECUTION_CRASHED")
    assert ledger.answered[poison].errors == ["E_EXECUTION_CRASHED"]
    ledger.assert_balanced(amqp_url, parked=[poison])
