"""A cluster of three loses nodes under load; behind a load balancer, nobody but the operator notices."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo.node import Program
from ingestkit_pdf.errors import SubmitError
from ingestkit_pdf.wire.topology import Topology
from support.cluster import Cluster
from support.daemon import DaemonProcess
from support.ledger import Ledger
from support.proxy import Proxy
from support.waiting import until

pytestmark = [pytest.mark.broker, pytest.mark.slow]

NAMES = Topology()
JOBS = NAMES.job_queue("default").name
HEARTBEAT = 5
STOPPED_SECONDS = 20.0
AWAY_SECONDS = 60.0


@pytest.fixture(scope="module")
def cluster(rabbitmq: Program | None) -> Iterator[Cluster]:
    with Cluster(rabbitmq) as made:
        yield made


@pytest.fixture
def balancer(cluster: Cluster) -> Iterator[Proxy]:
    """What clients and daemons connect to; an empty virtual host behind it."""
    cluster.start()
    with Proxy(*cluster.create_vhost()) as made:
        yield made


@pytest.fixture
def daemon(balancer: Proxy, staging: Path) -> Iterator[DaemonProcess]:
    settings = {"heartbeat": HEARTBEAT, "connect_timeout": 5, "publish_timeout": 10}
    with DaemonProcess(balancer.url, staging, **settings) as process:
        yield process


@pytest.fixture
def ledger(balancer: Proxy, open_ledger: Callable[..., Ledger]) -> Ledger:
    url = f"{balancer.url}?heartbeat={HEARTBEAT}"
    return open_ledger(url, submit_timeout=150)


def test_the_leader_of_the_jobs_is_killed_five_times(
    cluster: Cluster, balancer: Proxy, daemon: DaemonProcess, ledger: Ledger
) -> None:
    """The loss of a machine would cost jobs or results, or need somebody to restart daemons and producers."""
    for number in range(5):
        feeding = threading.Thread(target=ledger.submit, args=(500,))
        feeding.start()
        daemon.wait_for("attempt_finished", count=500 * number + 50, timeout=60)
        cluster.leader_of(JOBS, balancer.url).kill()
        feeding.join()
        ledger.settle(timeout=120)  # all of it without the node that is down
        cluster.start()
    assert daemon.terminate() == 0
    ledger.assert_balanced(balancer.url)


def test_the_leader_of_the_jobs_is_stopped(
    cluster: Cluster, balancer: Proxy, daemon: DaemonProcess, ledger: Ledger
) -> None:
    """A machine that hangs without being gone would take the jobs that it leads with it."""
    ledger.submit(300)
    daemon.wait_for("attempt_finished", count=50, timeout=60)
    leader = cluster.leader_of(JOBS, balancer.url)
    feeding = threading.Thread(target=ledger.submit, args=(200,))
    feeding.start()
    until(lambda: len(ledger.confirmed) > 320)
    os.kill(leader.pid, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        before = len(daemon.logged("attempt_finished"))
        daemon.wait_for("attempt_finished", count=before + 50, timeout=60)
        time.sleep(max(0.0, begun + STOPPED_SECONDS - time.monotonic()))  # the length of the fault
    finally:
        os.kill(leader.pid, signal.SIGCONT)
    feeding.join()
    ledger.settle(timeout=240)
    leader.kill()  # it believes that the others are gone, until somebody restarts it
    assert daemon.terminate() == 0
    ledger.assert_balanced(balancer.url)


def test_the_majority_is_away_for_a_minute(
    cluster: Cluster,
    balancer: Proxy,
    daemon: DaemonProcess,
    ledger: Ledger,
    open_ledger: Callable[..., Ledger],
) -> None:
    """Without a majority nothing is safe: a job or a result that counted as safe would be lost."""
    impatient = open_ledger(balancer.url, submit_timeout=5, client_id="impatient")
    impatient.submit(1)
    ledger.submit(300)
    daemon.wait_for("attempt_finished", count=50, timeout=60)
    leader = cluster.leader_of(JOBS, balancer.url)
    feeding = threading.Thread(target=ledger.submit, args=(200,))
    feeding.start()
    until(lambda: len(ledger.confirmed) > 320)
    one_more = next(node for node in cluster.nodes if node is not leader)
    leader.kill()
    one_more.kill()
    begun = time.monotonic()
    with pytest.raises(SubmitError):
        impatient.submit(500)
    accepted = len(ledger.confirmed), len(impatient.confirmed)
    time.sleep(max(0.0, begun + AWAY_SECONDS - time.monotonic()))  # the length of the fault
    assert (len(ledger.confirmed), len(impatient.confirmed)) == accepted, "counted as safe without a majority"
    ready = len(daemon.logged("daemon_ready"))
    cluster.start()
    opened = time.monotonic()
    daemon.wait_for("daemon_ready", count=ready + 1, timeout=60)
    print(f"consuming {time.monotonic() - opened:.1f} s after the nodes were back")  # noqa: T201
    feeding.join()
    ledger.settle(timeout=240)
    impatient.settle(timeout=60)
    assert daemon.terminate() == 0
    ledger.assert_balanced(balancer.url)
    impatient.assert_balanced(balancer.url)
