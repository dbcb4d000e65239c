"""`ingestkit-pdfd check`, and a start, against brokers that the daemon cannot work with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.broker import PrivateBroker
from demo.management import vhost_of
from ingestkit_pdf.wire.topology import Topology
from support.amqp import channel, depth
from support.daemon import DaemonProcess
from support.letters import declare, letter, park

pytestmark = pytest.mark.broker

NAMES = Topology()
SIDE_RIGHTS = "rights to cancel and to follow jobs"
DEAD, JOBS = NAMES.dead_queue.name, NAMES.job_queue("default").name
EVERYTHING = {"configure": ".*", "write": ".*", "read": ".*"}


def check(url: str, **settings: Any) -> tuple[int, list[dict[str, Any]]]:
    """The exit code, and what was found to be wrong."""
    given = {f"INGESTKIT_PDFD_{name.upper()}": str(value) for name, value in settings.items()}
    clean = {name: value for name, value in os.environ.items() if not name.startswith("INGESTKIT_PDFD_")}
    done = subprocess.run(
        [sys.executable, "-m", "ingestkit_pdfd", "check", "--json"],
        env={**clean, **given, "INGESTKIT_PDFD_AMQP_URL": url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    findings = json.loads(done.stdout)
    wrong = [finding for finding in findings if finding["problem"]]
    assert all(finding["remedy"] for finding in wrong)
    return done.returncode, wrong


@pytest.fixture
def user(broker: PrivateBroker, amqp_url: str) -> Iterator[Callable[..., str]]:
    """Makes the URL of a user who has these rights, and every other one."""
    vhost = vhost_of(amqp_url)
    name = f"user-{vhost}"
    broker.ctl("add_user", name, "s3cret")

    def allow(**rights: str) -> str:
        given = {**EVERYTHING, **rights}
        broker.ctl("set_permissions", "-p", vhost, name, given["configure"], given["write"], given["read"])
        return f"amqp://{name}:s3cret@{amqp_url.rpartition('@')[2]}"

    yield allow
    broker.ctl("delete_user", name)


@pytest.mark.parametrize(
    ("rights", "missing"),
    [
        ({"write": r"^ingestkit\.pdf\."}, ["write amq.default"]),
        ({"write": r"^amq\.default$"}, ["write ingestkit.pdf.dead"]),
        ({"read": "^$"}, [f"read {JOBS}"]),
        ({"write": "^$", "read": "^$"}, [f"read {JOBS}", "write amq.default", "write ingestkit.pdf.dead"]),
    ],
    ids=["answers", "dead-letters", "jobs", "all"],
)
def test_a_right_that_a_job_would_need_is_missed_before_it_is_needed(
    amqp_url: str, user: Callable[..., str], tmp_path: Path, rights: dict[str, str], missing: list[str]
) -> None:
    """The first job would show it: taken, run, and never to be answered."""
    declare(amqp_url)
    park(amqp_url, letter("one"))
    url = user(**rights)
    code, wrong = check(url)
    assert code == 1
    problems = [finding["problem"] for finding in wrong if finding["subject"] == "rights"]
    assert problems == [f"the daemon's user has no right to {right}" for right in missing]
    if "amq.default" in missing[0]:
        daemon = DaemonProcess(url, tmp_path).start(ready=False)
        assert daemon.wait(20) == 3
        (line,) = daemon.logged("daemon_failed")
        assert "no right to write amq.default" in line["reason"]
    assert (depth(amqp_url, DEAD), depth(amqp_url, JOBS)) == (1, 0)


def test_a_user_who_may_declare_nothing_needs_what_is_declared(
    amqp_url: str, user: Callable[..., str], tmp_path: Path
) -> None:
    """`check` would pass where the daemon cannot start, or fail where it can."""
    url = user(configure="^$")
    code, wrong = check(url)
    assert code == 1
    assert {finding["subject"] for finding in wrong} == {"rights", SIDE_RIGHTS}
    assert f"the daemon's user has no right to configure {JOBS}" in [finding["problem"] for finding in wrong]
    assert "topology declare" in wrong[0]["remedy"]
    with channel(amqp_url) as opened:
        for queue in NAMES.queues(["default"]):
            opened.queue_delete(queue.name, if_empty=True)  # nothing was declared by looking
    declare(amqp_url)
    code, (warning,) = check(url)
    assert (code, warning["subject"], warning["fatal"]) == (0, SIDE_RIGHTS, False)
    assert "to configure ingestkit.pdf.control." in warning["problem"]
    with DaemonProcess(url, tmp_path):
        """It starts."""


def test_what_exists_otherwise_is_named(amqp_url: str) -> None:
    """A queue without the dead-letter strategy would lose letters, and nobody would know before."""
    arguments = dict(NAMES.job_queue("default").arguments)
    del arguments["x-dead-letter-strategy"]
    with channel(amqp_url) as opened:
        opened.queue_declare(JOBS, durable=True, arguments=arguments)
        opened.exchange_declare(NAMES.dead_exchange.name, "topic", durable=True)
    code, wrong = check(amqp_url)
    assert code == 1
    assert [finding["subject"] for finding in wrong] == ["queues", "queues"]
    assert "'type' for exchange" in wrong[0]["problem"]
    assert "x-dead-letter-strategy" in wrong[1]["problem"]


def test_limits_that_contradict_each_other_are_found(amqp_url: str, tmp_path: Path) -> None:
    """Jobs would run again and again, vanish at the broker's limit, or be refused for their size."""
    code, wrong = check(amqp_url, document_timeout=1700, drain_timeout=200)
    assert (code, len(wrong)) == (2, 1)
    assert "consumer_timeout" in wrong[0]["problem"]
    code, wrong = check(amqp_url, max_deliveries=15, delivery_limit=10)
    assert code == 1
    assert [finding["subject"] for finding in wrong] == ["delivery limit"]
    daemon = DaemonProcess(amqp_url, tmp_path, max_deliveries=15, delivery_limit=10).start(ready=False)
    assert daemon.wait(20) == 3
    assert "delivery_limit" in daemon.logged("daemon_failed")[0]["reason"]
    forced = {"document_timeout": 1700, "drain_timeout": 200}
    daemon = DaemonProcess(amqp_url, tmp_path, **forced).start(ready=False)
    assert daemon.wait(20) == 2
    assert "consumer_timeout" in "".join(daemon.noise)


def test_a_broker_that_takes_less_than_a_document_is_a_warning(tmp_path: Path) -> None:
    """The limit would be found out by producers, one refused document after the other."""
    with PrivateBroker(config={"max_message_size": "1000000"}) as small:
        code, wrong = check(small.amqp_url)
        assert code == 0
        assert [(finding["subject"], finding["fatal"]) for finding in wrong] == [("message size", False)]
        assert "1000000" in wrong[0]["problem"]
        with DaemonProcess(small.amqp_url, tmp_path) as daemon:
            (line,) = daemon.wait_for("limits_contradict")
    assert "inline_limit" in line["remedy"]
