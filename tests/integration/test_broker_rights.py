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
from ingestkit_pdf import DistributedExecutionBackend, PDFProcessorConfig
from ingestkit_pdf.execution.inspection import queue_status
from ingestkit_pdf.wire.topology import Topology
from ingestkit_pdfd.amqp import BrokerAddress, close_quietly, connect, declare_topology
from support.amqp import channel
from support.daemon import DaemonProcess
from support.documents import text_pdf

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
        daemon.wait_for("attempt_finished", outcome="completed")
        assert daemon.logged("broker_refused") == []
    by_role = {queue.role: queue for queue in queue_status(users.operator, client_ids=["billing"])}
    assert all(queue.exists for queue in by_role.values())


def test_the_policies_reach_the_queues(users: Users, broker: PrivateBroker) -> None:
    """Otherwise a client that never comes back could fill the broker's disk."""
    listed = broker.ctl("list_queues", "-p", VHOST, "name", "policy", "--formatter", "json")
    policies = {queue["name"]: queue["policy"] for queue in json.loads(listed)}
    assert policies[NAMES.job_queue("default").name] == "ingestkit-pdf-jobs"
    assert policies[NAMES.retry_queue("default", 5).name] == "ingestkit-pdf-jobs"
    assert policies[NAMES.orphaned_queue.name] == "ingestkit-pdf-orphaned"
    assert not policies[NAMES.dead_queue.name]


JOBS, DEAD, ORPHANED = NAMES.job_queue("default").name, NAMES.dead_queue.name, NAMES.orphaned_queue.name

FORBIDDEN: dict[str, tuple[str, Action]] = {
    "a producer takes jobs": ("producer", lambda c: c.basic_get(JOBS)),
    "a producer reads dead letters": ("producer", lambda c: c.basic_get(DEAD)),
    "a producer reads orphaned results": ("producer", lambda c: c.basic_get(ORPHANED)),
    "a producer empties a lane": ("producer", lambda c: c.queue_purge(JOBS)),
    "a producer deletes a lane": ("producer", lambda c: c.queue_delete(JOBS)),
    "a producer makes a queue": ("producer", lambda c: c.queue_declare("mine")),
    "a producer answers": ("producer", lambda c: c.basic_publish("", "ingestkit.pdf.replies.other", b"x")),
    "a producer parks": ("producer", lambda c: c.basic_publish("ingestkit.pdf.dead", "default", b"x")),
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
