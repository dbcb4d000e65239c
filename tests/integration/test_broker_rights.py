"""The users of deploy/rabbitmq/definitions.json: each can do its work, and nothing else."""

from __future__ import annotations

import asyncio
import json
import secrets
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker
from pydantic import SecretStr

from demo.broker import PrivateBroker
from ingestkit_pdf import DistributedExecutionBackend, ErrorCode, ExecutionError, PDFProcessorConfig
from ingestkit_pdf.execution.inspection import queue_status
from ingestkit_pdf.wire.topology import Topology
from ingestkit_pdfd.amqp import (
    BrokerAddress,
    close_quietly,
    connect,
    declare_side_exchanges,
    declare_topology,
)
from support.amqp import channel
from support.daemon import DaemonProcess
from support.documents import endless_pdf, text_pdf
from support.waiting import until

pytestmark = pytest.mark.broker

DEFINITIONS = Path(__file__).parents[2] / "deploy/rabbitmq/definitions.json"
VHOST = "ingestkit-pdf"
NAMES = Topology()

Action = Callable[[BlockingChannel], object]


@dataclass
class Users:
    """AMQP URLs of the three users."""

    producer: str
    daemon: str
    operator: str


@pytest.fixture(scope="module")
def users(broker: PrivateBroker) -> Iterator[Users]:
    """The definitions imported, a password set for each user, the topology declared by the operator."""
    broker.start()
    definitions = json.loads(DEFINITIONS.read_text())
    broker.ctl("import_definitions", str(DEFINITIONS))
    urls = []
    for user in definitions["users"]:
        password = secrets.token_urlsafe(12)
        broker.ctl("change_password", user["name"], password)
        urls.append(f"amqp://{user['name']}:{quote(password)}@127.0.0.1:{broker.port}/{VHOST}")
    users = Users(*urls)
    asyncio.run(_declare(users.operator))
    yield users
    broker.management.delete_vhost(VHOST)
    for user in definitions["users"]:
        broker.ctl("delete_user", user["name"])


async def _declare(url: str) -> None:
    connection = await connect(BrokerAddress(SecretStr(url), 10, 10.0), "test")
    try:
        await declare_topology(connection, NAMES, ["default"], timeout=10.0)
        await declare_side_exchanges(connection, NAMES, timeout=10.0)
    finally:
        await close_quietly(connection)


def test_before_a_password_is_set_nobody_can_log_in(broker: PrivateBroker) -> None:
    """Otherwise importing the definitions would open the broker to everybody."""
    for user in json.loads(DEFINITIONS.read_text())["users"]:
        assert user["password_hash"] == ""


def test_producer_daemon_and_operator_can_do_their_work(users: Users, tmp_path: Path) -> None:
    """Otherwise the first thing an administrator did would be to give everybody every right."""
    document = tmp_path / "document.pdf"
    document.write_bytes(text_pdf("A page."))
    with DaemonProcess(users.daemon, tmp_path, workers=1) as daemon:
        with DistributedExecutionBackend(users.producer, client_id="billing") as producer:
            job = producer.submit(str(document), PDFProcessorConfig())
            assert producer.get_result(job, timeout=30).markdown
            endless = tmp_path / "endless.pdf"
            endless.write_bytes(endless_pdf())
            job = producer.submit(str(endless), PDFProcessorConfig())
            steps = producer.progress(job, timeout=30)
            assert next(steps).event == "started"
            assert producer.cancel(job)
            assert producer.get_result(job, timeout=30).errors == [ErrorCode.E_EXECUTION_CANCELLED]
            assert list(steps)[-1].event == "finished"
        daemon.wait_for("attempt_finished", outcome="completed")
        assert daemon.logged("broker_refused") == []
        assert daemon.logged("sideline_refused") == []
    by_role = {queue.role: queue for queue in queue_status(users.operator, client_ids=["billing"])}
    assert all(queue.exists for queue in by_role.values())


OLD_RIGHTS = {
    "ingestkit-pdf-producer": (
        r"^ingestkit\.pdf\.replies\..+$",
        r"^ingestkit\.pdf\.jobs$",
        r"^ingestkit\.pdf\.replies\..+$",
    ),
    "ingestkit-pdf-daemon": (
        "^$",
        r"^(amq\.default|ingestkit\.pdf\.dead)$",
        r"^ingestkit\.pdf\.jobs\..+$",
    ),
}
"""Those that jobs and results need: configure, write, read."""


@pytest.fixture
def old_rights(users: Users, broker: PrivateBroker) -> Iterator[None]:
    """The rights from before there were cancels and progress; afterwards those of the definitions again."""
    for user, rights in OLD_RIGHTS.items():
        broker.ctl("set_permissions", "-p", VHOST, user, *rights)
    yield
    for given in json.loads(DEFINITIONS.read_text())["permissions"]:
        rights = (given["configure"], given["write"], given["read"])
        broker.ctl("set_permissions", "-p", VHOST, given["user"], *rights)


@pytest.mark.usefixtures("old_rights")
def test_without_the_rights_to_cancel_and_to_follow_everything_else_works(
    users: Users, tmp_path: Path
) -> None:
    """Otherwise an upgrade would stop daemons whose users have the rights of before, or say nothing."""
    document = tmp_path / "document.pdf"
    document.write_bytes(text_pdf("A page."))
    with DaemonProcess(users.daemon, tmp_path, workers=1) as daemon:
        for what in ("requests", "events"):
            daemon.wait_for("sideline_refused", what=what)
        with DistributedExecutionBackend(users.producer, client_id="billing") as producer:
            job = producer.submit(str(document), PDFProcessorConfig())
            with pytest.raises(ExecutionError, match=r"no progress: .*no right .*events"):
                list(producer.progress(job, timeout=30))
            assert producer.get_result(job, timeout=30).markdown
            with pytest.raises(ExecutionError, match=r"not cancelled: .*no right .*control"):
                producer.cancel("another")
            job = producer.submit(str(document), PDFProcessorConfig())
            assert producer.get_result(job, timeout=30).markdown
        assert len(daemon.logged("sideline_refused")) == 2
        assert daemon.logged("broker_lost") == []


def test_rights_on_topics_keep_producers_from_hearing_of_each_other(
    users: Users, broker: PrivateBroker
) -> None:
    """Otherwise one producer could learn the job ids of another, with which it could cancel them."""
    user, exchange = "ingestkit-pdf-producer", NAMES.events_exchange.name
    broker.ctl("set_topic_permissions", "-p", VHOST, user, exchange, "^$", r"^billing\.")
    try:
        for client, allowed in (("billing", True), ("other", False)):
            with channel(users.producer) as opened:
                queue = NAMES.event_queue("billing", "0a").name
                arguments = dict(NAMES.event_queue("billing", "0a").arguments)
                opened.queue_declare(queue, exclusive=True, auto_delete=True, arguments=arguments)
                if allowed:
                    opened.queue_bind(queue, exchange, NAMES.event_key_of_all(client))
                    continue
                with pytest.raises(ChannelClosedByBroker) as refusal:
                    opened.queue_bind(queue, exchange, NAMES.event_key_of_all(client))
                assert refusal.value.reply_code == 403
    finally:
        broker.ctl("clear_topic_permissions", "-p", VHOST, user)


def test_the_policies_reach_the_queues(users: Users, broker: PrivateBroker) -> None:
    """Otherwise a client that never comes back could fill the broker's disk."""
    listed = broker.ctl("list_queues", "-p", VHOST, "name", "policy", "--formatter", "json")
    policies = {queue["name"]: queue["policy"] for queue in json.loads(listed)}
    assert policies[NAMES.job_queue("default").name] == "ingestkit-pdf-jobs"
    assert policies[NAMES.retry_queue("default", 5).name] == "ingestkit-pdf-jobs"
    assert policies[NAMES.orphaned_queue.name] == "ingestkit-pdf-orphaned"
    assert not policies[NAMES.dead_queue.name]


JOBS, DEAD, ORPHANED = NAMES.job_queue("default").name, NAMES.dead_queue.name, NAMES.orphaned_queue.name


def _hear(opened: BlockingChannel, queue: str, exchange: str) -> None:
    opened.queue_declare(f"ingestkit.pdf.{queue}", exclusive=True)
    opened.queue_bind(f"ingestkit.pdf.{queue}", f"ingestkit.pdf.{exchange}", "#")


FORBIDDEN: dict[str, tuple[str, Action]] = {
    "a producer takes jobs": ("producer", lambda c: c.basic_get(JOBS)),
    "a producer reads dead letters": ("producer", lambda c: c.basic_get(DEAD)),
    "a producer reads orphaned results": ("producer", lambda c: c.basic_get(ORPHANED)),
    "a producer keeps others from orphaned results": (
        "producer",
        lambda c: c.queue_declare(NAMES.reply_lock(NAMES.orphaned_queue), exclusive=True),
    ),
    "a producer empties a lane": ("producer", lambda c: c.queue_purge(JOBS)),
    "a producer deletes a lane": ("producer", lambda c: c.queue_delete(JOBS)),
    "a producer makes a queue": ("producer", lambda c: c.queue_declare("mine")),
    "a producer answers": ("producer", lambda c: c.basic_publish("", "ingestkit.pdf.replies.other", b"x")),
    "a producer parks": ("producer", lambda c: c.basic_publish("ingestkit.pdf.dead", "default", b"x")),
    "a producer tells of jobs": (
        "producer",
        lambda c: c.basic_publish("ingestkit.pdf.events", "a.b.page", b"x"),
    ),
    "a producer hears requests": ("producer", lambda c: _hear(c, "events.billing.0a", "control")),
    "a daemon hears of jobs": ("daemon", lambda c: _hear(c, "control.0a", "events")),
    "a daemon asks daemons": ("daemon", lambda c: c.basic_publish("ingestkit.pdf.control", "", b"x")),
    "a daemon reads dead letters": ("daemon", lambda c: c.basic_get(DEAD)),
    "a daemon reads results": ("daemon", lambda c: c.basic_get("ingestkit.pdf.replies.billing")),
    "a daemon deletes a lane": ("daemon", lambda c: c.queue_delete(JOBS)),
    "a daemon makes a queue": ("daemon", lambda c: c.queue_declare("mine")),
    "a daemon submits": ("daemon", lambda c: c.basic_publish("ingestkit.pdf.jobs", "default", b"x")),
    "an operator makes a queue of others": ("operator", lambda c: c.queue_declare("mine")),
    "an operator publishes to others": ("operator", lambda c: c.basic_publish("amq.topic", "x", b"x")),
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nobody_can_do_more(users: Users, what: str) -> None:
    """Otherwise a stolen password of one program would be one for everything."""
    role, action = FORBIDDEN[what]
    with channel(getattr(users, role)) as opened, pytest.raises(ChannelClosedByBroker) as refusal:
        action(opened)
    assert refusal.value.reply_code == 403


def test_a_daemon_without_a_queue_it_may_not_declare_ends_and_says_what_to_run(
    users: Users, tmp_path: Path
) -> None:
    """It would wait for ever for a queue that nobody declares, and nobody would be told."""
    with channel(users.operator) as opened:
        opened.queue_delete(NAMES.retry_queue("default", 30).name)
    try:
        daemon = DaemonProcess(users.daemon, tmp_path, workers=1).start(ready=False)
        assert daemon.wait(20) == 3
        (line,) = daemon.logged("daemon_failed")
        assert "ingestkit.pdf.retry.default.30s" in line["reason"]
        assert "topology declare" in line["reason"]
    finally:
        asyncio.run(_declare(users.operator))


def test_a_queue_that_is_deleted_meanwhile_ends_the_daemon_only_when_it_is_needed(
    users: Users, tmp_path: Path
) -> None:
    """Every answer would wait for a queue that none of them needs; or a retry, for ever, for its own."""
    document = tmp_path / "document.pdf"
    document.write_bytes(text_pdf("A page."))
    endless = tmp_path / "endless.pdf"
    endless.write_bytes(endless_pdf())
    with DistributedExecutionBackend(users.producer, client_id="billing") as producer:
        daemon = DaemonProcess(users.daemon, tmp_path, workers=1).start()
        with channel(users.operator) as opened:
            opened.queue_delete(NAMES.retry_queue("default", 5).name)
        try:
            job = producer.submit(str(document), PDFProcessorConfig())
            assert producer.get_result(job, timeout=30).markdown
            producer.submit(str(endless), PDFProcessorConfig())
            until(lambda: daemon.logged("publish_failed") or daemon.kill_worker())
            assert daemon.wait(20) == 3
            assert "topology declare" in daemon.logged("daemon_failed")[0]["reason"]
        finally:
            asyncio.run(_declare(users.operator))
        with channel(users.operator) as opened:
            purged = opened.queue_purge(JOBS)
        assert purged.method.message_count == 1, "the job was lost"


def test_the_compose_file_s_users_declare_consume_and_submit(
    broker: PrivateBroker, users: Users, tmp_path: Path
) -> None:
    """Its daemon would be refused by its own broker. Changes the users' passwords: the last test here."""
    for name in ("compose/make-secrets.sh", "rabbitmq/definitions.json"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes((DEFINITIONS.parents[1] / name).read_bytes())
    subprocess.run(["sh", str(tmp_path / "compose/make-secrets.sh")], check=True, capture_output=True)
    made = tmp_path / "compose/secrets"
    broker.ctl("import_definitions", str(made / "definitions.json"))
    urls = [
        (made / f"{role}_url").read_text().replace("broker:5672", f"127.0.0.1:{broker.port}")
        for role in ("operator", "daemon", "producer")
    ]
    asyncio.run(_declare(urls[0]))
    path = tmp_path / "document.pdf"
    path.write_bytes(text_pdf())
    with DaemonProcess(urls[1], tmp_path), DistributedExecutionBackend(urls[2]) as client:
        assert client.get_result(client.submit(str(path), PDFProcessorConfig()), timeout=30).markdown
