"""How a private broker is planned, before anything is started."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from demo import node
from demo.broker import PrivateBroker
from demo.leftovers import MARKER, remove_folder
from demo.management import vhost_of
from demo.node import BrokerError, NodePlan, find_program, free_ports


@pytest.fixture
def plan(tmp_path: Path) -> NodePlan:
    return NodePlan(
        folder=tmp_path, amqp_port=1, management_port=2, distribution_port=3, epmd_port=4, config={"a.b": "c"}
    )


def test_missing_rabbitmq_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A newcomer without RabbitMQ would read a FileNotFoundError instead of what to install."""
    monkeypatch.setattr(node, "_SCRIPT_FOLDERS", (tmp_path,))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BrokerError, match=r"apt-get install rabbitmq-server.*AMQP_URL"):
        find_program()


def test_free_ports_are_free_and_distinct() -> None:
    """Two listeners of one node would get the same port, or one that is taken."""
    ports = free_ports(20)
    assert len(set(ports)) == 20
    for port in ports:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", port))


def test_a_taken_port_is_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node would fail to start now and then on a machine where other services listen."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setattr("demo.node.random.sample", lambda *_: [taken.getsockname()[1]])
        with pytest.raises(BrokerError, match="no 1 free ports"):
            free_ports(1)


def test_the_environment_points_at_nothing_outside_the_folder(
    plan: NodePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node would read or write the files of a RabbitMQ that is installed as a service."""
    monkeypatch.setenv("RABBITMQ_CONFIG_FILE", "/etc/rabbitmq/rabbitmq")
    monkeypatch.setenv("ERL_FLAGS", "-name stranger")
    environment = plan.environment()
    for name in ("HOME", "RABBITMQ_MNESIA_BASE", "RABBITMQ_LOG_BASE", "RABBITMQ_CONFIG_FILE", MARKER):
        assert Path(environment[name]).is_relative_to(plan.folder), name
    assert environment["ERL_EPMD_PORT"] == "4"
    assert "ERL_FLAGS" not in environment


def test_secrets_are_readable_by_the_owner_only(plan: NodePlan) -> None:
    """Another user of the machine could read the cookie or the password and take the node over."""
    plan.write_files()
    plan.write_files()  # a folder that is used again
    for name in (".erlang.cookie", "rabbitmq.conf"):
        mode = (plan.folder / name).stat().st_mode
        assert mode & (stat.S_IRWXG | stat.S_IRWXO) == 0, name
    assert plan.password not in repr(plan)
    assert plan.cookie not in repr(plan)


def test_given_settings_win(plan: NodePlan) -> None:
    """A test that needs a short delivery timeout, say, could not set one."""
    lines = plan.configuration().splitlines()
    assert "a.b = c" in lines
    assert "listeners.tcp.1 = 127.0.0.1:1" in lines


def test_a_broker_that_was_not_started_says_so() -> None:
    """Using a broker before `start` would end in an AttributeError."""
    with pytest.raises(BrokerError, match="was not started"):
        _ = PrivateBroker().amqp_url
    PrivateBroker().stop()


def test_vhost_of_an_amqp_url() -> None:
    """Messages would be counted in another virtual host than the one the URL names."""
    assert vhost_of("amqp://u:p@h:1/v-1") == "v-1"
    assert vhost_of("amqp://u:p@h:1/%2F") == "/"
    assert vhost_of("amqp://u:p@h:1") == "/"


def test_remove_folder_gives_up_at_its_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopping would hang for ever on a folder that cannot be removed."""
    monkeypatch.setattr("demo.leftovers.shutil.rmtree", lambda *_, **__: None)
    remove_folder(tmp_path, timeout=0.0)
    assert os.path.isdir(tmp_path)  # noqa: PTH112
