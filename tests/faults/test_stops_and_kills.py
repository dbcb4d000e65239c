"""Daemon, workers and broker are stopped and killed under load; the ledger must balance."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from demo.broker import PrivateBroker
from support.amqp import assert_queues_empty
from support.daemon import DaemonProcess
from support.ledger import Ledger

pytestmark = [pytest.mark.broker, pytest.mark.slow]

DRAIN = 10.0


@pytest.fixture
def ledger(amqp_url: str, open_ledger: Callable[..., Ledger]) -> Ledger:
    """Submits a document that keeps a worker busy for a moment."""
    return open_ledger(amqp_url, pages=50)


def test_ten_stops_under_load_lose_nothing_and_count_no_attempt(
    amqp_url: str, ledger: Ledger, tmp_path: Path
) -> None:
    """A deployment would lose the jobs under way, or use up their attempts."""
    ledger.submit(300)
    for _ in range(10):
        daemon = DaemonProcess(amqp_url, tmp_path, drain_timeout=DRAIN).start()
        daemon.wait_for("attempt_finished", count=3)
        begun = time.monotonic()
        assert daemon.terminate() == 0
        assert time.monotonic() - begun < DRAIN
        assert {line["attempt"] for line in daemon.logged("attempt_finished")} == {1}
        assert list(tmp_path.iterdir()) == []
    with DaemonProcess(amqp_url, tmp_path):
        ledger.settle(timeout=120)
    ledger.assert_balanced()
    assert_queues_empty(amqp_url)


def test_a_killed_worker_a_killed_daemon_and_a_killed_broker_lose_nothing(
    broker: PrivateBroker, amqp_url: str, ledger: Ledger, tmp_path: Path
) -> None:
    """The out-of-memory killer, a crash or a power cut would cost jobs or their results."""
    ledger.submit(100)
    daemon = DaemonProcess(amqp_url, tmp_path).start()
    daemon.wait_for("attempt_finished", count=5)
    daemon.kill_worker()
    daemon.wait_for("attempt_finished", count=20)
    daemon.kill()
    with DaemonProcess(amqp_url, tmp_path) as second:
        second.wait_for("attempt_finished", count=10)
        broker.kill()
        broker.start()
        second.wait_for("daemon_ready", count=2, timeout=60)
        ledger.settle(timeout=120)
    ledger.assert_balanced()
    assert_queues_empty(amqp_url)
    assert list(tmp_path.iterdir()) == []
