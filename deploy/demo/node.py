"""What a private RabbitMQ node is started with: its program, ports, environment and configuration files."""

from __future__ import annotations

import os
import random
import secrets
import shutil
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from demo.leftovers import MARKER

__all__ = ["BrokerError", "Member", "NodePlan", "Program", "find_program", "free_ports"]

# The distribution's scripts as they are: those on its PATH insist on the user "rabbitmq" or on root.
_SCRIPT_FOLDERS = (Path("/usr/lib/rabbitmq/bin"), Path("/opt/rabbitmq/sbin"))

# Below 32768, where the kernel hands out ports for outgoing connections by default: a client that
# reconnects while the node is down could otherwise be given the very port it is dialling.
_PORT_RANGE = range(20_000, 32_000)

# Two schedulers and no busy waiting: light beside whatever else runs here.
_ERLANG_ARGUMENTS = "+S 2:2 +A 8 +sbwt none"

# Quorum queues report their lengths once a tick; five seconds is long for who waits for them.
_SETTINGS = {"quorum_tick_interval": 500}


class BrokerError(RuntimeError):
    """A private broker could not be started, reached or stopped."""


@dataclass(frozen=True, slots=True)
class Program:
    """Where the broker's own commands are."""

    server: Path
    ctl: Path
    epmd: Path


def find_program() -> Program:
    """Find an installed RabbitMQ.

    Raises:
        BrokerError: There is none; says how to get one.
    """
    folders = [*_SCRIPT_FOLDERS]
    if on_path := shutil.which("rabbitmq-server"):
        folders.append(Path(on_path).resolve().parent)
    epmd = shutil.which("epmd", path=f"{os.environ.get('PATH', '')}:/usr/bin:/usr/local/bin")
    for folder in folders:
        if os.access(folder / "rabbitmq-server", os.X_OK) and epmd:
            return Program(folder / "rabbitmq-server", folder / "rabbitmqctl", Path(epmd))
    raise BrokerError(
        "RabbitMQ is not installed: no rabbitmq-server (with Erlang's epmd) was found. "
        "Install it with `apt-get install rabbitmq-server`, or set AMQP_URL to a running broker."
    )


def free_ports(count: int) -> list[int]:
    """`count` TCP ports of 127.0.0.1 that nobody listens on."""
    ports: list[int] = []
    for port in random.sample(_PORT_RANGE, 500):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        ports.append(port)
        if len(ports) == count:
            return ports
    raise BrokerError(f"no {count} free ports from {_PORT_RANGE.start} to {_PORT_RANGE.stop} on 127.0.0.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """What a node of a cluster is told: ports of its own, and what it has in common with the others."""

    amqp_port: int
    management_port: int
    distribution_port: int
    epmd_port: int
    password: str = field(repr=False)
    cookie: str = field(repr=False)
    erlang_arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePlan:
    """One node: everything it listens on and everything it writes is its own."""

    folder: Path
    amqp_port: int
    management_port: int
    distribution_port: int
    epmd_port: int
    config: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, int] = field(default_factory=dict)
    erlang_arguments: str = _ERLANG_ARGUMENTS
    user: str = "demo"
    password: str = field(default_factory=lambda: secrets.token_urlsafe(18), repr=False)
    cookie: str = field(default_factory=lambda: secrets.token_hex(20), repr=False)

    @property
    def name(self) -> str:
        """Name of the Erlang node."""
        return f"ingestkit-{self.amqp_port}@localhost"

    @property
    def log_file(self) -> Path:
        """What the node prints and logs."""
        return self.folder / "node.log"

    def environment(self) -> dict[str, str]:
        """The environment of the node, of its epmd and of its command-line tools."""
        kept = {name: os.environ[name] for name in ("PATH", "TZ", "TMPDIR") if name in os.environ}
        return {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            **kept,
            MARKER: str(self.folder),
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "HOME": str(self.folder),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_CRASH_DUMP_SECONDS": "0",
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.amqp_port),
            "RABBITMQ_DIST_PORT": str(self.distribution_port),
            "RABBITMQ_ERLANG_COOKIE": self.cookie,
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_SCHEMA_DIR": str(self.folder / "schema"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(self.folder / "generated"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.folder / "advanced.config"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "rabbitmq-env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(self.folder / "node.pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": self.erlang_arguments,
            # Makes the start script replace itself by the node, so that its pid is the node's.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    def configuration(self) -> str:
        """The text of rabbitmq.conf."""
        lines = {
            "listeners.tcp.1": f"127.0.0.1:{self.amqp_port}",
            "management.tcp.ip": "127.0.0.1",
            "management.tcp.port": str(self.management_port),
            "default_user": self.user,
            "default_pass": self.password,
            "default_user_tags.administrator": "true",
            "loopback_users": "none",
            "log.console": "true",
            "log.console.level": "info",
            "vm_memory_high_watermark.absolute": "1GB",
            "disk_free_limit.absolute": "50MB",
            "collect_statistics_interval": "500",
            **self.config,
        }
        return "".join(f"{name} = {value}\n" for name, value in lines.items())

    def write_files(self) -> None:
        """Write the configuration into the folder, readable by its owner only."""
        settings = ", ".join(f"{{{name}, {value}}}" for name, value in {**_SETTINGS, **self.settings}.items())
        files = {
            "rabbitmq.conf": self.configuration(),
            "advanced.config": f"[{{rabbit, [{settings}]}}].\n",
            "rabbitmq-env.conf": "",
            "enabled_plugins": "[rabbitmq_management].\n",
            ".erlang.cookie": self.cookie,
        }
        for name, text in files.items():
            path = self.folder / name
            path.unlink(missing_ok=True)
            path.touch(mode=0o600)
            path.write_text(text, encoding="utf-8")
        (self.folder / ".erlang.cookie").chmod(0o400)
