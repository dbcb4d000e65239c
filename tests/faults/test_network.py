"""The network between daemon or producer and broker is cut, black-holed and slowed under load."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.daemon import DaemonProcess
from support.ledger import Ledger
from support.proxy import Proxy

pytestmark = [pytest.mark.broker, pytest.mark.slow]

HEARTBEAT = 5
NOTICED = 3 * HEARTBEAT + 5
JOBS = 500


@pytest.fixture
def proxy(amqp_url: str) -> Iterator[Proxy]:
    with Proxy(amqp_url) as made:
        yield made


@pytest.fixture
def daemon(proxy: Proxy, staging: Path) -> Iterator[DaemonProcess]:
    """A daemon whose connections, and only they, pass through the proxy."""
    process = DaemonProcess(proxy.url, staging, heartbeat=HEARTBEAT, prefetch=32, document_timeout=60)
    with process:
        yield process


def assert_nothing_ran_twice(daemon: DaemonProcess) -> None:
    runs = Counter((line["job_id"], line["attempt"]) for line in daemon.logged("attempt_finished"))
    assert {key: count for key, count in runs.items() if count > 1} == {}


def finish(ledger: Ledger, daemon: DaemonProcess, url: str) -> None:
    """Everything is answered, nothing ran twice, nothing is left."""
    ledger.settle(timeout=240)
    assert daemon.terminate() == 0
    assert_nothing_ran_twice(daemon)
    ledger.assert_balanced(url)


@pytest.mark.parametrize("how", ["cut", "hang_up"])
def test_lost_connections_of_the_daemon_cost_nothing(
    amqp_url: str, proxy: Proxy, daemon: DaemonProcess, open_ledger: Callable[..., Ledger], how: str
) -> None:
    """Each network blip would lose acknowledgements, or run the jobs under way again."""
    ledger = open_ledger(amqp_url)
    ledger.submit(JOBS)
    for number in range(1, 6):
        daemon.wait_for("attempt_finished", count=50 * number, timeout=60)
        getattr(proxy, how)()
        daemon.wait_for("daemon_ready", count=number + 1)
    assert proxy.accepted < 40, "reconnected in a hot loop"
    finish(ledger, daemon, amqp_url)


@pytest.mark.parametrize("how", ["cut", "hang_up"])
def test_lost_connections_of_the_producer_cost_nothing(
    amqp_url: str, proxy: Proxy, staging: Path, open_ledger: Callable[..., Ledger], how: str
) -> None:
    """A producer behind a bad network would submit jobs that nobody has, or miss its results."""
    ledger = open_ledger(proxy.url)
    with DaemonProcess(amqp_url, staging):
        feeding = threading.Thread(target=ledger.submit, args=(JOBS,))
        feeding.start()
        for number in range(1, 11):
            while len(ledger.confirmed) < 40 * number:
                feeding.join(0.01)
            getattr(proxy, how)()
        feeding.join()
        ledger.settle(timeout=180)
    assert proxy.accepted < 40, "reconnected in a hot loop"
    ledger.assert_balanced(amqp_url)


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
    if seconds > NOTICED:
        daemon.wait_for("broker_lost", timeout=NOTICED)
    time.sleep(max(0.0, begun + seconds - time.monotonic()))  # the length of the fault, not a wait for it
    assert proxy.accepted < 40, "reconnected in a hot loop"
    proxy.release()
    finish(ledger, daemon, amqp_url)


@pytest.mark.parametrize("seconds", [10, 60])
def test_a_black_hole_before_the_producer_is_noticed_in_time(
    amqp_url: str, proxy: Proxy, staging: Path, open_ledger: Callable[..., Ledger], seconds: int
) -> None:
    """A producer would wait for its results on a connection that is long gone."""
    ledger = open_ledger(f"{proxy.url}?heartbeat={HEARTBEAT}")
    with DaemonProcess(amqp_url, staging) as daemon:
        ledger.submit(JOBS)
        daemon.wait_for("attempt_finished", count=50)
        proxy.hold()
        begun = time.monotonic()
        if seconds > NOTICED:
            before = proxy.accepted
            while proxy.accepted == before:
                assert time.monotonic() < begun + NOTICED + 1, "not noticed in time"
                time.sleep(0.05)
        time.sleep(max(0.0, begun + seconds - time.monotonic()))  # the length of the fault
        assert proxy.accepted < 40, "reconnected in a hot loop"
        proxy.release()
        ledger.settle(timeout=180)
    ledger.assert_balanced(amqp_url)


def test_a_slow_network_only_slows(
    amqp_url: str, proxy: Proxy, daemon: DaemonProcess, open_ledger: Callable[..., Ledger]
) -> None:
    """A latency of 200 ms would look like a lost connection."""
    proxy.delay = 0.2
    ledger = open_ledger(amqp_url)
    ledger.submit(JOBS)
    ledger.settle(timeout=300)
    assert daemon.logged("broker_lost") == []
    finish(ledger, daemon, amqp_url)
