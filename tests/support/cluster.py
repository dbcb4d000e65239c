"""A RabbitMQ cluster of three private nodes."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from demo.broker import BrokerError, PrivateBroker
from demo.management import Management, ManagementError, vhost_of
from demo.node import Member, Program, free_ports
from support.waiting import until

__all__ = ["Cluster"]

_SIZE = 3
_NOTICES_AFTER = 10
"""Seconds after which a node counts one that is silent as gone (Erlang's default is 60)."""


class Cluster:
    """Three nodes that are one broker; a context manager. A minority of them pauses itself.

    Args:
        program: The commands to run; by default those of the installed RabbitMQ.

    Attributes:
        nodes: The nodes, each of which can be killed and started again.
    """

    def __init__(self, program: Program | None = None) -> None:
        epmd, *ports = free_ports(1 + 3 * _SIZE)
        password, cookie = secrets.token_urlsafe(18), secrets.token_hex(20)
        members = [
            Member(
                amqp_port=amqp,
                management_port=management,
                distribution_port=distribution,
                epmd_port=epmd,
                password=password,
                cookie=cookie,
                erlang_arguments=f"+S 1:1 +A 4 +sbwt none -kernel net_ticktime {_NOTICES_AFTER}",
            )
            for amqp, management, distribution in zip(ports[::3], ports[1::3], ports[2::3], strict=True)
        ]
        prefix = "cluster_formation"
        config = {
            f"{prefix}.peer_discovery_backend": "classic_config",
            "cluster_partition_handling": "pause_minority",
            **{
                f"{prefix}.classic_config.nodes.{number}": f"ingestkit-{member.amqp_port}@localhost"
                for number, member in enumerate(members, start=1)
            },
        }
        self._epmd_port = epmd
        self.nodes = [PrivateBroker(config=config, member=member, program=program) for member in members]

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the nodes that are down, together: one alone would wait for the others."""
        with ThreadPoolExecutor(_SIZE) as pool:
            first, *rest = self.nodes
            starting = [pool.submit(first.start)]
            until(lambda: starting[0].done() or _accepts(self._epmd_port))  # which the first one starts
            for future in [*starting, *(pool.submit(node.start) for node in rest)]:
                future.result()
        until(self._are_one, timeout=60)

    def stop(self) -> None:
        """End all of them."""
        for node in reversed(self.nodes):  # the first one's port mapper serves all
            if node.is_running:
                os.kill(node.pid, signal.SIGCONT)
            node.stop()

    def create_vhost(self) -> list[str]:
        """Create a virtual host; its AMQP URL on each of the nodes."""
        name = until(self._create_vhost, timeout=120)
        return [node.amqp_url.rpartition("/")[0] + f"/{name}" for node in self.nodes]

    def _create_vhost(self) -> str | None:
        """Its name; None where a node that has just come back did not join in within the broker's 10 s."""
        name = f"v-{secrets.token_hex(6)}"
        node = self.nodes[0]
        given = urlsplit(node.amqp_url)
        patient = Management(node.management_url, given.username or "", given.password or "", timeout=60)
        try:
            patient.create_vhost(name)
        except ManagementError:
            return None
        return name

    def leader_of(self, queue: str, url: str) -> PrivateBroker:
        """The node on which the leader of this queue runs, once there is one."""
        node = until(lambda: self._leader_of(queue, vhost_of(url)), timeout=60)
        assert node is not None
        return node

    def _leader_of(self, queue: str, vhost: str) -> PrivateBroker | None:
        for description in self._ask(lambda management: management.queues(vhost)):
            if description["name"] == queue:
                for node in self.nodes:
                    if node.is_running and description.get("leader") == f"ingestkit-{node.port}@localhost":
                        return node
        return None

    def _are_one(self) -> bool:
        nodes = self._ask(lambda management: management.request("GET", "/api/nodes"))
        return sum(bool(node["running"]) for node in nodes) == _SIZE

    def _ask(self, question: Callable[[Management], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        """The answer of the first node that gives one."""
        for node in self.nodes:
            with contextlib.suppress(BrokerError, ManagementError):
                return question(node.management)
        return []


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
