"""The broker raises alarms, loses queues, and changes its mind about who may do what."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from demo.broker import PrivateBroker
from demo.management import vhost_of
from ingestkit_pdf import ErrorCode, ExecutionError
from ingestkit_pdf.errors import ResultTimeoutError
from ingestkit_pdf.wire.topology import Topology
from support.amqp import assert_queues_empty, channel, depth
from support.daemon import DaemonProcess
from support.ledger import Ledger

pytestmark = [pytest.mark.broker, pytest.mark.slow]

NAMES = Topology()
ALARM_SECONDS = 60.0
GOOD_WATERMARK = ("set_vm_memory_high_watermark", "0.4")
GOOD_DISK_LIMIT = ("set_disk_free_limit", "50MB")


@pytest.mark.parametrize(
    ("alarm", "calm"),
    [
        (("set_vm_memory_high_watermark", "absolute", "1000"), GOOD_WATERMARK),
        (("set_disk_free_limit", "900GB"), GOOD_DISK_LIMIT),
    ],
    ids=["memory", "disk"],
)
def test_an_alarm_is_sat_out(
    broker: PrivateBroker,
    amqp_url: str,
    open_ledger: Callable[..., Ledger],
    tmp_path: Path,
    alarm: tuple[str, ...],
    calm: tuple[str, ...],
) -> None:
    """A broker that is out of memory or disk for a minute would cost jobs, or block a producer for ever."""
    ledger, impatient = open_ledger(amqp_url), open_ledger(amqp_url, submit_timeout=5)
    impatient.submit(1)
    with DaemonProcess(amqp_url, tmp_path, publish_timeout=10) as daemon:
        ledger.submit(500)
        daemon.wait_for("attempt_finished", count=50)
        broker.ctl(*alarm)
        try:
            begun = time.monotonic()
            with pytest.raises(ExecutionError) as caught:
                while time.monotonic() - begun < 15:  # the alarm reaches the connections within seconds
                    tried = time.monotonic()
                    impatient.submit(1)
            assert caught.value.code is ErrorCode.E_EXECUTION_SUBMIT
            assert time.monotonic() - tried < 8
            time.sleep(max(0.0, begun + ALARM_SECONDS - time.monotonic()))  # the length of the fault
        finally:
            broker.ctl(*calm)
        ledger.settle(timeout=180)
        impatient.settle(timeout=60)
        ledger.assert_balanced()
        assert daemon.logged("broker_lost") == [], "an alarm cost the consuming connection"


@pytest.mark.parametrize("queue", ["jobs", "retry", "dead", "orphaned"])
def test_a_deleted_queue_is_declared_again(
    amqp_url: str, open_ledger: Callable[..., Ledger], tmp_path: Path, queue: str
) -> None:
    """A queue that somebody deletes while the daemon runs would be missed only by those who lost jobs."""
    name = {
        "jobs": NAMES.job_queue("default"),
        "retry": NAMES.retry_queue("default", 5),
        "dead": NAMES.dead_queue,
        "orphaned": NAMES.orphaned_queue,
    }[queue].name
    ledger = open_ledger(amqp_url)
    with DaemonProcess(amqp_url, tmp_path) as daemon:
        ledger.submit(100)
        ledger.settle(timeout=60)
        with channel(amqp_url) as opened:
            opened.queue_delete(name)
        if queue == "jobs":
            daemon.wait_for("daemon_ready", count=2, timeout=10)
        ledger.submit(1)
        if queue == "retry":
            _kill_a_busy_worker(daemon, ledger)
        ledger.submit(100)
        ledger.settle(timeout=120)
    ledger.assert_balanced()


def _kill_a_busy_worker(daemon: DaemonProcess, ledger: Ledger) -> None:
    """Have one attempt retried, which needs the retry queue."""
    while not daemon.logged("attempt_finished", outcome="retried"):
        ledger.submit(20)
        for worker in daemon.workers():
            worker.kill()
        time.sleep(0.05)


def test_a_deleted_reply_queue_loses_no_result(
    amqp_url: str, open_ledger: Callable[..., Ledger], tmp_path: Path
) -> None:
    """Results of a client whose queue was deleted would vanish instead of being kept or delivered."""
    ledger = open_ledger(amqp_url)
    with DaemonProcess(amqp_url, tmp_path) as daemon:
        ledger.submit(500)
        daemon.wait_for("attempt_finished", count=100)
        answered_before = len(daemon.logged("attempt_finished"))
        with channel(amqp_url) as opened:
            opened.queue_delete(NAMES.reply_queue(ledger.backend.client_id).name)
        daemon.wait_for("attempt_finished", count=500, timeout=120)
        orphaned = depth(amqp_url, NAMES.orphaned_queue.name)
        assert orphaned <= 500 - answered_before
        missing = 0
        for job_id in ledger.confirmed:
            try:
                ledger.answered[job_id] = ledger.backend.get_result(job_id, timeout=0.05)
            except ResultTimeoutError:
                missing += 1
    # What had arrived in the deleted queue is gone with it; everything after that is here or orphaned.
    assert missing <= orphaned + answered_before + 10
    assert len(ledger.answered) + missing == 500


class User:
    """A user of the broker that a test may take things away from."""

    def __init__(self, broker: PrivateBroker, url: str) -> None:
        self._broker = broker
        self.name = f"user-{vhost_of(url)}"
        self.vhost = vhost_of(url)
        broker.ctl("add_user", self.name, "first-password")
        broker.ctl("set_permissions", "-p", self.vhost, self.name, ".*", ".*", ".*")
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self.url = urlunsplit(parts._replace(netloc=f"{self.name}:first-password@{host}"))

    def change_password(self) -> None:
        self._broker.ctl("change_password", self.name, "second-password")

    def cut_connections(self) -> None:
        self._broker.ctl("close_all_user_connections", self.name, "test")

    def take_rights(self) -> None:
        self._broker.ctl("clear_permissions", "-p", self.vhost, self.name)

    def delete(self) -> None:
        self._broker.ctl("delete_user", self.name)


@pytest.fixture
def user(broker: PrivateBroker, amqp_url: str) -> Iterator[User]:
    made = User(broker, amqp_url)
    yield made
    if made.name in broker.ctl("list_users"):
        made.delete()


@pytest.mark.parametrize("fault", ["password", "rights", "user"])
def test_a_daemon_that_may_no_longer_ends_with_a_reason(
    amqp_url: str, open_ledger: Callable[..., Ledger], tmp_path: Path, user: User, fault: str
) -> None:
    """A daemon whose user was changed would retry for ever while the service looks alive."""
    ledger = open_ledger(amqp_url)
    daemon = DaemonProcess(user.url, tmp_path).start()
    ledger.submit(500)
    daemon.wait_for("attempt_finished", count=20)
    begun = time.monotonic()
    if fault == "password":
        user.change_password()
        user.cut_connections()
    elif fault == "rights":
        user.take_rights()
        user.cut_connections()
    else:
        user.delete()
    assert daemon.wait(25) == 3
    (line,) = daemon.logged("daemon_failed")
    assert "refused" in line["reason"] or "not allowed" in line["reason"]
    assert time.monotonic() - begun < 20
    with DaemonProcess(amqp_url, tmp_path):
        ledger.settle(timeout=120)
    ledger.assert_balanced()
    assert_queues_empty(amqp_url)


def test_graceful_restarts_of_the_broker(
    broker: PrivateBroker, amqp_url: str, open_ledger: Callable[..., Ledger], tmp_path: Path
) -> None:
    """Each upgrade of the broker would need the daemons to be restarted by hand."""
    ledger = open_ledger(amqp_url)
    with DaemonProcess(amqp_url, tmp_path) as daemon:
        ledger.submit(500)
        for number in range(1, 6):
            broker.restart()
            opened = time.monotonic()
            daemon.wait_for("daemon_ready", count=number + 1, timeout=30)
            assert time.monotonic() - opened < 10, "consuming again took too long"
        ledger.settle(timeout=180)
    ledger.assert_balanced()
    assert_queues_empty(amqp_url)


def test_kills_of_workers_daemons_and_broker(
    broker: PrivateBroker, amqp_url: str, open_ledger: Callable[..., Ledger], tmp_path: Path
) -> None:
    """Fifty killed workers, twenty killed daemons and five killed brokers would cost a job or its result."""
    ledger = open_ledger(amqp_url, pages=30, submit_timeout=180)
    feeding = threading.Thread(target=ledger.submit, args=(700,))
    feeding.start()
    attempts = {"retry_attempts": {"crashed": 60}, "max_deliveries": 1000}
    for number in range(20):
        daemon = DaemonProcess(amqp_url, tmp_path, **attempts).start()
        daemon.wait_for("attempt_finished", count=2)
        for _ in range(3 if number < 10 else 2):
            daemon.kill_worker()
        if number % 4 == 3:
            broker.kill()
            broker.start()
        daemon.kill()
    feeding.join()
    with DaemonProcess(amqp_url, tmp_path, **attempts):
        ledger.settle(timeout=240)
    ledger.assert_balanced()
    assert_queues_empty(amqp_url)
