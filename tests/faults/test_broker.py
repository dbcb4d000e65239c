"""The broker raises alarms, loses queues, and changes its mind about who may do what."""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from demo.broker import PrivateBroker
from demo.management import vhost_of
from ingestkit_pdf import ErrorCode, ExecutionError
from ingestkit_pdf.errors import ResultTimeoutError
from ingestkit_pdf.wire.topology import Topology
from support.amqp import channel, exists, publish, take
from support.daemon import DaemonProcess
from support.ledger import Ledger
from support.letters import declare, drained, job
from support.waiting import until

pytestmark = [pytest.mark.broker, pytest.mark.slow]

NAMES = Topology()
ALARM_SECONDS = 60.0
JOBS = 500
RECOVERED = 10.0
"""Seconds within which what is gone is there again, or the daemon has ended."""
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
    staging: Path,
    alarm: tuple[str, ...],
    calm: tuple[str, ...],
) -> None:
    """A broker that is out of memory or disk for a minute would cost jobs, or block a producer for ever."""
    ledger, impatient = open_ledger(amqp_url), open_ledger(amqp_url, submit_timeout=5, client_id="impatient")
    impatient.submit(1)
    with DaemonProcess(amqp_url, staging, publish_timeout=10) as daemon:
        ledger.submit(JOBS)
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
        assert daemon.logged("broker_lost") == [], "an alarm cost the consuming connection"
    ledger.assert_balanced(amqp_url)
    impatient.assert_balanced(amqp_url)


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

    def allow(self, *, configure: str) -> None:
        self._broker.ctl("set_permissions", "-p", self.vhost, self.name, configure, ".*", ".*")

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


QUEUES = {
    "retry": NAMES.retry_queue("default", 5).name,
    "dead": NAMES.dead_queue.name,
    "orphaned": NAMES.orphaned_queue.name,
}


def need(queue: str, url: str, daemon: DaemonProcess) -> None:
    """Give the daemon something that it can only do with this queue."""
    if queue == "retry":
        failed = len(daemon.logged("publish_failed"))
        while len(daemon.logged("publish_failed")) == failed:  # the one that was killed may have had no job
            daemon.kill_worker()
            time.sleep(0.2)
        return
    gone = NAMES.reply_queue("nobody").name if queue == "orphaned" else "amq.nobody"
    message = replace(job("stray"), reply_to=gone)
    publish(url, message, exchange=NAMES.jobs_exchange.name, routing_key="default")
    daemon.wait_for("publish_failed" if queue == "dead" else "reply_orphaned", timeout=120)


def settle_what_is_left(ledger: Ledger) -> None:
    """What was deleted with its queue is submitted again; a daemon may remember it as retried."""
    with contextlib.suppress(ResultTimeoutError):
        ledger.settle(timeout=60)
    ledger.submit_again()
    ledger.settle(timeout=180)


@pytest.mark.parametrize("queue", QUEUES)
def test_a_deleted_queue_is_there_when_it_is_needed(
    amqp_url: str, open_ledger: Callable[..., Ledger], staging: Path, queue: str
) -> None:
    """A queue that somebody deletes while the daemon runs would be missed only by those who lost jobs."""
    ledger = open_ledger(amqp_url)
    with DaemonProcess(amqp_url, staging, retry_attempts={"crashed": 20}) as daemon:
        ledger.submit(JOBS)
        daemon.wait_for("attempt_finished", count=50)
        while queue == "retry" and not daemon.logged("attempt_finished", outcome="retried"):
            daemon.kill_worker()
            time.sleep(0.05)
        with channel(amqp_url) as opened:
            deleted = opened.queue_delete(QUEUES[queue]).method.message_count
        retried = len(daemon.logged("attempt_finished", outcome="retried"))
        need(queue, amqp_url, daemon)
        if queue == "retry":
            assert deleted, "nothing waited there for its next attempt"
            daemon.wait_for("attempt_finished", outcome="retried", count=retried + 1, timeout=RECOVERED)
            settle_what_is_left(ledger)
        else:
            until(lambda: exists(amqp_url, QUEUES[queue]), timeout=RECOVERED)
            assert take(amqp_url, QUEUES[queue]).message_id == "stray"
            ledger.settle(timeout=180)
    ledger.assert_balanced(amqp_url)


@pytest.mark.parametrize("queue", QUEUES)
def test_a_deleted_queue_ends_a_daemon_that_may_not_declare_it(
    amqp_url: str, open_ledger: Callable[..., Ledger], staging: Path, user: User, queue: str
) -> None:
    """With the rights that are shipped, jobs would wait for ever for a queue that nobody declares."""
    declare(amqp_url)
    user.allow(configure="^$")
    ledger = open_ledger(amqp_url)
    with DaemonProcess(user.url, staging, retry_attempts={"crashed": 20}) as daemon:
        ledger.submit(JOBS)
        daemon.wait_for("attempt_finished", count=50)
        with channel(amqp_url) as opened:
            opened.queue_delete(QUEUES[queue])
        need(queue, amqp_url, daemon)
        assert daemon.wait(RECOVERED) == 3
    assert "topology declare" in daemon.logged("daemon_failed")[0]["reason"]
    declare(amqp_url)
    with DaemonProcess(user.url, staging, retry_attempts={"crashed": 20}):
        if queue != "retry":
            assert take(amqp_url, QUEUES[queue]).message_id == "stray"
        settle_what_is_left(ledger)
    ledger.assert_balanced(amqp_url)


def test_a_deleted_job_queue_is_declared_again_and_its_jobs_can_be_submitted_again(
    amqp_url: str, open_ledger: Callable[..., Ledger], staging: Path
) -> None:
    """Nobody would consume the lane any more, or submitting again would have every document read twice."""
    ledger = open_ledger(amqp_url)
    with DaemonProcess(amqp_url, staging, prefetch=100, document_timeout=20) as daemon:
        ledger.submit(JOBS)
        daemon.wait_for("attempt_finished", count=50)
        with channel(amqp_url) as opened:
            opened.queue_delete(NAMES.job_queue("default").name)
        daemon.wait_for("daemon_ready", count=2, timeout=RECOVERED)
        ledger.submit_again()
        ledger.settle(timeout=180)
        runs = Counter(line["job_id"] for line in daemon.logged("attempt_finished"))
        assert set(runs.values()) == {1}
    ledger.assert_balanced(amqp_url)


def test_a_deleted_reply_queue_loses_no_result(
    amqp_url: str, open_ledger: Callable[..., Ledger], staging: Path
) -> None:
    """Results of a client whose queue was deleted would vanish instead of being kept or delivered."""
    ledger = open_ledger(amqp_url)
    with DaemonProcess(amqp_url, staging) as daemon:
        ledger.submit(JOBS)
        daemon.wait_for("attempt_finished", count=100)
        queue = NAMES.reply_queue(ledger.backend.client_id).name
        with channel(amqp_url) as opened:
            opened.queue_delete(queue)
        until(lambda: exists(amqp_url, queue), timeout=RECOVERED)
        daemon.wait_for("attempt_finished", count=JOBS, timeout=120)
        with contextlib.suppress(ResultTimeoutError):
            ledger.settle(timeout=10)
        # What the client had fetched it still has; what came while there was no queue is among the orphaned.
        assert set(ledger.missing) <= set(drained(amqp_url, NAMES.orphaned_queue.name))
        ledger.submit_again()  # answered from memory
        ledger.settle(timeout=60)
        assert len(daemon.logged("attempt_finished")) == JOBS
    ledger.assert_balanced(amqp_url)


@pytest.mark.parametrize("fault", ["password", "rights", "user"])
def test_a_daemon_that_may_no_longer_ends_with_a_reason(
    amqp_url: str, open_ledger: Callable[..., Ledger], staging: Path, user: User, fault: str
) -> None:
    """A daemon whose user was changed would retry for ever while the service looks alive."""
    ledger = open_ledger(amqp_url)
    daemon = DaemonProcess(user.url, staging).start()
    ledger.submit(JOBS)
    daemon.wait_for("attempt_finished", count=20)
    if fault == "password":
        user.change_password()
        user.cut_connections()
    elif fault == "rights":
        user.take_rights()
        user.cut_connections()
    else:
        user.delete()
    assert daemon.wait(10) == 3
    (line,) = daemon.logged("daemon_failed")
    assert "refused" in line["reason"] or "not allowed" in line["reason"]
    assert "-password" not in json.dumps(daemon.events) + "".join(daemon.noise)
    with DaemonProcess(amqp_url, staging):
        ledger.settle(timeout=180)
    ledger.assert_balanced(amqp_url)
