"""The network between daemon and broker is cut, black-holed and slowed under load."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.amqp import assert_queues_empty
from support.daemon import DaemonProcess
from support.ledger import Ledger
from support.proxy import Proxy

pytestmark = [pytest.mark.broker, pytest.mark.slow]

HEARTBEAT = 5
JOBS = 500


@pytest.fixture
def proxy(amqp_url: str) -> Iterator[Proxy]:
    with Proxy(amqp_url) as made:
        yield made


@pytest.fixture
def daemon(proxy: Proxy, tmp_path: Path) -> Iterator[DaemonProcess]:
    """A daemon whose connections, and only they, pass through the proxy."""
    with DaemonProcess(proxy.url, tmp_path, heartbeat=HEARTBEAT) as process:
        yield process


def assert_nothing_ran_twice(daemon: DaemonProcess) -> None:
    runs = Counter((line["job_id"], line["attempt"]) for line in daemon.logged("attempt_finished"))
    assert {key: count for key, count in runs.items() if count > 1} == {}


def test_cut_connections_lose_nothing_and_run_nothing_twice(
    amqp_url: str, proxy: Proxy, daemon: DaemonProcess, open_ledger: Callable[..., Ledger]
) -> None:
    """Each network blip would lose acknowledgements, or run the jobs under way again."""
    ledger = open_ledger(amqp_url)
    ledger.submit(JOBS)
    for number in range(1, 6):
        daemon.wait_for("attempt_finished", count=50 * number)
        proxy.cut()
        daemon.wait_for("daemon_ready", count=number + 1)
    ledger.settle(timeout=180)
    ledger.assert_balanced()
    assert_nothing_ran_twice(daemon)
    assert_queues_empty(amqp_url)
    assert proxy.accepted < 40, "reconnected in a hot loop"


def test_cut_connections_of_the_producer_lose_nothing(
    amqp_url: str, proxy: Proxy, tmp_path: Path, open_ledger: Callable[..., Ledger]
) -> None:
    """A producer behind a bad network would submit jobs that nobody has, or miss its results."""
    ledger = open_ledger(proxy.url)
    with DaemonProcess(amqp_url, tmp_path):
        for _ in range(10):
            ledger.submit(JOBS // 10)
            proxy.cut()
        ledger.settle(timeout=180)
    ledger.assert_balanced()
    assert_queues_empty(amqp_url)


@pytest.mark.parametrize("seconds", [10, 60])
def test_a_black_hole_is_noticed_in_time(
    amqp_url: str,
    proxy: Proxy,
    daemon: DaemonProcess,
    open_ledger: Callable[..., Ledger],
    seconds: int,
) -> None:
    """A connection that is dead but not closed would be waited on for ever."""
    ledger = open_ledger(amqp_url)
    ledger.submit(JOBS)
    daemon.wait_for("attempt_finished", count=50)
    proxy.hold()
    begun = time.monotonic()
    if seconds > 3 * HEARTBEAT + 5:
        daemon.wait_for("broker_lost", timeout=3 * HEARTBEAT + 5)
    time.sleep(max(0.0, begun + seconds - time.monotonic()))  # the length of the fault, not a wait for it
    proxy.release()
    ledger.settle(timeout=180)
    ledger.assert_balanced()
    assert_nothing_ran_twice(daemon)
    assert_queues_empty(amqp_url)
    assert proxy.accepted < 40, "reconnected in a hot loop"


def test_a_slow_network_only_slows(
    amqp_url: str, proxy: Proxy, daemon: DaemonProcess, open_ledger: Callable[..., Ledger]
) -> None:
    """A latency of 200 ms would look like a lost connection."""
    proxy.delay = 0.2
    ledger = open_ledger(amqp_url)
    ledger.submit(100)
    ledger.settle(timeout=180)
    ledger.assert_balanced()
    assert daemon.logged("broker_lost") == []
    assert_nothing_ran_twice(daemon)
