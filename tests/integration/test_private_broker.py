"""The private broker: serves, keeps what it was given, and leaves nothing behind however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pika
import pytest

from demo import leftovers
from demo.broker import BrokerError, PrivateBroker

pytestmark = pytest.mark.broker

DEPLOY = Path(leftovers.__file__).parents[1]

OWNER = """
import sys
sys.path.insert(0, sys.argv[1])
from demo.broker import PrivateBroker

with PrivateBroker() as broker:
    print(broker.folder, flush=True)
    sys.stdin.read()
"""


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.05)


def publish(url: str, queue: str = "kept") -> None:
    """One persistent message, confirmed, into a quorum queue that is declared first."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.confirm_delivery()
    channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
    channel.basic_publish("", queue, b"x", pika.BasicProperties(delivery_mode=2), mandatory=True)
    connection.close()


def start_owner() -> tuple[subprocess.Popen[str], Path]:
    """Another Python process with a private broker, once that is up."""
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(DEPLOY)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    return owner, Path(owner.stdout.readline().strip())


def test_every_test_gets_an_empty_virtual_host(broker: PrivateBroker, amqp_url: str) -> None:
    """Tests would see each other's messages if the virtual host they are given were shared."""
    publish(amqp_url)
    other = broker.create_vhost()
    try:
        assert broker.queue_counts(other) == {}
        wait_for(lambda: broker.queue_counts(amqp_url) == {"kept": 1}, "the message is counted")
    finally:
        broker.delete_vhost(other)


def test_messages_survive_the_node(broker: PrivateBroker, amqp_url: str) -> None:
    """Tests of a broker that goes away would prove nothing if it came back empty or as another one."""
    publish(amqp_url)
    for end, expected in ((broker.halt, 1), (broker.kill, 2)):
        pid = broker.pid
        end()
        assert not broker.is_running
        broker.start()
        assert broker.pid != pid
        wait_for(lambda: broker.queue_counts(amqp_url) == {"kept": expected}, "the messages are back")  # noqa: B023
        # Killed with a queue that is younger than half a second, the node forgets what was in it.
        publish(amqp_url)


def test_rabbitmqctl_reaches_this_node(broker: PrivateBroker, amqp_url: str) -> None:
    """Faults that only rabbitmqctl can make (alarms) would hit another node of the machine, or none."""
    publish(amqp_url)
    listed = broker.ctl("list_queues", "-p", amqp_url.rsplit("/", 1)[1], "name")
    assert "kept" in listed.split()
    with pytest.raises(BrokerError, match="no_such_command"):
        broker.ctl("no_such_command")


def test_two_nodes_run_beside_each_other(broker: PrivateBroker) -> None:
    """A demonstration during a test run, or a broker in production, would be disturbed."""
    with PrivateBroker() as second:
        first_pid, second_folder = broker.pid, second.folder
        assert second.port != broker.port
        assert broker.queue_counts(broker.amqp_url) == second.queue_counts(second.amqp_url) == {}
    assert broker.is_running
    assert broker.pid == first_pid
    assert leftovers.marked_processes(second_folder) == []
    assert not second_folder.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda s: s.name)
def test_nothing_is_left_when_its_owner_is_ended(number: signal.Signals) -> None:
    """A cancelled `make test` would leave an Erlang node and its data on the developer's machine."""
    owner, folder = start_owner()
    started = leftovers.marked_processes(folder)
    assert len(started) > 2
    os.kill(owner.pid, number)
    owner.communicate(timeout=30)
    wait_for(lambda: leftovers.marked_processes(folder) == [], "every process of the node has ended")
    wait_for(lambda: not folder.exists(), "its folder is gone")


def test_a_node_that_cannot_start_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    """A wrong setting would end in a bare timeout, with half a node left running."""
    broker = PrivateBroker(tmp_path / "node", config={"no_such_setting": "1"})
    with pytest.raises(BrokerError, match=r"(?s)RabbitMQ ended with .* its log:.*no_such_setting"):
        broker.start()
    assert leftovers.marked_processes(tmp_path / "node") == []
    assert not broker.is_running


def test_a_given_folder_is_kept(tmp_path: Path) -> None:
    """Who names a folder to look into afterwards would find it deleted."""
    folder = tmp_path / "node"
    with PrivateBroker(folder):
        assert leftovers.marked_processes(folder)
    assert (folder / "rabbitmq.conf").exists()
    assert leftovers.marked_processes(folder) == []
