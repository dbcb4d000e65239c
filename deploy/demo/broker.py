"""`PrivateBroker`: one RabbitMQ node that belongs to the process that started it, and to nobody else."""

from __future__ import annotations

import contextlib
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Self
from urllib.parse import quote

from demo import leftovers
from demo.child import STOP_SECONDS, accepts, await_up, end, spawn
from demo.management import Management, ManagementError, vhost_of
from demo.node import BrokerError, Member, NodePlan, Program, find_program, free_ports

__all__ = ["BrokerError", "PrivateBroker"]

_LOG_TAIL_LINES = 60


class PrivateBroker:
    """A RabbitMQ node on free ports of 127.0.0.1, with its data, cookie and port mapper of its own.

    It works as root and as an ordinary user, beside any other node. Nothing of it is left after `stop`,
    nor when the process that owns it ends in any other way: a guard process cleans up then. Use it as a
    context manager. Not thread-safe.

    Args:
        folder: Where it keeps its data; it is kept after `stop`. By default a new temporary folder, which
            `stop` removes.
        config: More lines for rabbitmq.conf, name to value; they win over ours.
        settings: More settings of the application `rabbit` that rabbitmq.conf has no name for.
        program: The commands to run; by default those of the installed RabbitMQ.
        member: Makes it a node of a cluster; `config` names the others.

    Raises:
        BrokerError: From every method, when the node cannot be started, reached or stopped in time.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        config: Mapping[str, str] | None = None,
        settings: Mapping[str, int] | None = None,
        program: Program | None = None,
        member: Member | None = None,
    ) -> None:
        self._given_folder = folder
        self._config = dict(config or {})
        self._settings = dict(settings or {})
        self._program = program
        self._member = member
        self._ports = free_ports(4)
        self._plan: NodePlan | None = None
        self._node: subprocess.Popen[bytes] | None = None
        self._epmd: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def amqp_url(self) -> str:
        """AMQP URL of the default virtual host, with user and password."""
        return self._url("/")

    @property
    def management_url(self) -> str:
        """Base URL of the management API, without user and password."""
        return f"http://127.0.0.1:{self._started.management_port}"

    @property
    def management(self) -> Management:
        """A client of the management API with the rights of an administrator."""
        return Management(self.management_url, self._started.user, self._started.password)

    @property
    def port(self) -> int:
        """TCP port of AMQP."""
        return self._member.amqp_port if self._member else self._ports[0]

    @property
    def pid(self) -> int:
        """Process id of the node."""
        if self._node is None:
            raise BrokerError("the private broker is not running")
        return self._node.pid

    @property
    def folder(self) -> Path:
        """Where everything of this node is."""
        return self._started.folder

    @property
    def is_running(self) -> bool:
        """True while the node's process lives."""
        return self._node is not None and self._node.poll() is None

    def start(self) -> None:
        """Start the node and wait until it serves; after `kill` or `halt` with the data it had."""
        if self.is_running:
            return
        try:
            program = self._commands
            plan = self._plan or self._prepare()
            environment = plan.environment()
            if not accepts(plan.epmd_port):
                epmd = [str(program.epmd), "-port", str(plan.epmd_port), "-address", "127.0.0.1"]
                self._epmd = spawn(epmd, environment, plan.folder / "epmd.log")
                await_up(lambda: accepts(plan.epmd_port), "epmd", self._epmd, self.log_tail)
            self._node = spawn([str(program.server)], environment, plan.log_file)
            await_up(self._serves, "RabbitMQ", self._node, self.log_tail)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the node and everything that belongs to it. Harmless when it is not running."""
        plan, self._plan = self._plan, None
        if plan is None:
            return
        if self._given_folder is not None:
            end(self._node, signal.SIGTERM)  # its data is kept, so let it close its files
        end(self._node, signal.SIGKILL)
        end(self._epmd, signal.SIGKILL)
        remaining = leftovers.end_processes(plan.folder)
        if self._given_folder is None:
            leftovers.remove_folder(plan.folder)
        if self._guard is not None and self._guard.stdin is not None:
            self._guard.stdin.close()
            self._guard.wait(STOP_SECONDS)
        self._node = self._epmd = self._guard = None
        if remaining:
            raise BrokerError(f"these processes of the private broker could not be ended: {remaining}")

    def kill(self) -> None:
        """End the node as a power cut would; `start` brings it back with what it had on disk.

        RabbitMQ writes the registration of a new quorum queue within half a second: kill it sooner and the
        queue comes back empty, confirmed messages included.
        """
        end(self._node, signal.SIGKILL)
        self._node = None

    def halt(self) -> None:
        """Shut the node down in order (some 6 s), keeping its data; `start` brings it back."""
        end(self._node, signal.SIGTERM)
        end(self._node, signal.SIGKILL)
        self._node = None

    def restart(self) -> None:
        """Shut the node down in order and start it again with its data."""
        self.halt()
        self.start()

    def create_vhost(self) -> str:
        """Create a virtual host with a new name; its AMQP URL."""
        name = f"v-{secrets.token_hex(6)}"
        self.management.create_vhost(name)
        return self._url(name)

    def delete_vhost(self, url: str) -> None:
        """Delete the virtual host of this AMQP URL with all that is in it."""
        self.management.delete_vhost(vhost_of(url))

    def queue_counts(self, url: str) -> dict[str, int]:
        """Queue name to messages (ready and unacknowledged) in the virtual host of this AMQP URL.

        The numbers are up to a second old: wait for them, do not read them once. -1 where the broker does
        not know, as of a queue that is just coming up.
        """
        return {queue["name"]: queue.get("messages", -1) for queue in self.management.queues(vhost_of(url))}

    def ctl(self, *arguments: str, timeout: float = 30.0) -> str:
        """Run `rabbitmqctl` against this node; what it printed."""
        plan = self._started
        command = [str(self._commands.ctl), "--quiet", "-n", plan.name, *arguments]
        try:
            done = subprocess.run(
                command, env=plan.environment(), capture_output=True, text=True, timeout=timeout, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise BrokerError(f"rabbitmqctl {arguments[0]} took longer than {timeout:g} s") from error
        if done.returncode != 0:
            raise BrokerError(f"rabbitmqctl {arguments[0]}: {(done.stderr or done.stdout).strip()[-1000:]}")
        return done.stdout

    def log_tail(self, lines: int = _LOG_TAIL_LINES) -> str:
        """The last lines of the node's log."""
        with contextlib.suppress(OSError):
            text = self._started.log_file.read_text(encoding="utf-8", errors="replace")
            return "\n".join(text.splitlines()[-lines:])
        return ""

    @property
    def _commands(self) -> Program:
        self._program = self._program or find_program()
        return self._program

    @property
    def _started(self) -> NodePlan:
        if self._plan is None:
            raise BrokerError("the private broker was not started")
        return self._plan

    def _url(self, vhost: str) -> str:
        plan = self._started
        return f"amqp://{plan.user}:{plan.password}@127.0.0.1:{plan.amqp_port}/{quote(vhost, safe='')}"

    def _prepare(self) -> NodePlan:
        """The folder, its configuration files and the guard."""
        if self._given_folder is None:
            folder = Path(tempfile.mkdtemp(prefix="ingestkit-broker-"))
        else:
            folder = self._given_folder.absolute()
            folder.mkdir(parents=True, exist_ok=True)
        self._plan = self._plan_in(folder)
        guard = [sys.executable, "-I", "-S", str(Path(leftovers.__file__)), str(folder)]
        if self._given_folder is not None:
            guard.append("--keep")
        self._guard = subprocess.Popen(guard, stdin=subprocess.PIPE, start_new_session=True)
        self._plan.write_files()
        return self._plan

    def _plan_in(self, folder: Path) -> NodePlan:
        if self._member is not None:
            member = asdict(self._member)
            return NodePlan(folder=folder, config=self._config, settings=self._settings, **member)
        amqp, management, distribution, epmd = self._ports
        return NodePlan(
            folder=folder,
            amqp_port=amqp,
            management_port=management,
            distribution_port=distribution,
            epmd_port=epmd,
            config=self._config,
            settings=self._settings,
        )

    def _serves(self) -> bool:
        if not accepts(self.port):
            return False
        try:
            self.management.queues("/")
        except ManagementError:
            return False
        return True
