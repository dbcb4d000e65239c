"""The systems that are compared: each is started, given documents, and asked for their results."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from typing import Any, Protocol, Self

import psutil

from _roundtrip.floor import FloorClient
from demo.broker import PrivateBroker
from ingestkit_pdf import DistributedExecutionBackend, PDFProcessorConfig, ProcessingResult

__all__ = ["SIDES", "Celery", "CeleryConfirmed", "Dramatiq", "Floor", "MissingError", "Ours", "Side"]

TIMEOUT = 60.0
CONFIG = PDFProcessorConfig()
HERE = Path(__file__).parent


class MissingError(Exception):
    """A peer is not installed; `str()` says what to do."""


class Side(Protocol):
    """One system, up while it is entered.

    Attributes:
        name: For the table.
        service: The process whose children do the work.
        extra: Further processes that count as its broker.
    """

    name: str

    @property
    def service(self) -> psutil.Process: ...
    @property
    def extra(self) -> Sequence[psutil.Process]: ...
    def submit(self, path: str) -> Any:
        """Hand over a document; what `result` takes."""

    def result(self, job: Any) -> ProcessingResult:
        """Wait for its result."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...


class _Command(AbstractContextManager["_Command"]):
    """A service of a peer, in a session of its own; its log is shown when it ends by itself."""

    def __init__(
        self, name: str, arguments: Sequence[str], folder: Path, environment: dict[str, str]
    ) -> None:
        self._name, self._arguments = name, arguments
        path = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))
        self._environment = {**os.environ, **environment, "PYTHONPATH": path}
        self._log = folder / f"{name}.log"
        self._folder = folder

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                self._arguments,
                env=self._environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def check(self) -> None:
        """It is still up; else the end of its log."""
        if self.process.poll() is not None:
            tail = self._log.read_text(errors="replace")[-3000:]
            raise RuntimeError(f"{self._name} ended with {self.process.returncode}:\n{tail}")

    def wait_for(self, text: str) -> None:
        """Wait until its log says so."""
        deadline = time.monotonic() + TIMEOUT
        while text not in self._log.read_text(errors="replace"):
            self.check()
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self._name} did not say {text} within {TIMEOUT:g} s")
            time.sleep(0.05)

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        with suppress(ProcessLookupError):  # and what it has left behind, or all of it
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(5)


class Ours:
    """Client and daemon of this project as they come: inline jobs, sandbox, metrics, one log line a job."""

    name = "ingestkit-pdf"
    extra: Sequence[psutil.Process] = ()

    def __init__(self, broker: PrivateBroker, folder: Path, workers: int, prefetch: int) -> None:
        settings = {
            "amqp_url": broker.amqp_url,
            "staging_dir": str(folder),
            "workers": str(workers),
            "prefetch": str(workers * prefetch),
            "http_port": "0",
        }
        environment = {f"INGESTKIT_PDFD_{name.upper()}": value for name, value in settings.items()}
        self._daemon = _Command(
            "daemon", [sys.executable, "-m", "ingestkit_pdfd", "run"], folder, environment
        )
        self._backend = DistributedExecutionBackend(broker.amqp_url)
        self._stack = ExitStack()

    @property
    def service(self) -> psutil.Process:
        """The daemon."""
        return psutil.Process(self._daemon.process.pid)

    def submit(self, path: str) -> str:
        """As a producer does."""
        return self._backend.submit(path, CONFIG)

    def result(self, job: str) -> ProcessingResult:
        """As a producer does."""
        return self._backend.get_result(job, timeout=TIMEOUT)

    def __enter__(self) -> Self:
        with self._stack:
            self._stack.enter_context(self._daemon)
            self._daemon.wait_for("daemon_ready")
            self._stack.enter_context(self._backend)
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)


class Floor:
    """The worker pool between two quorum queues, with confirms, and nothing else; see `floor.py`."""

    name = "floor"
    extra: Sequence[psutil.Process] = ()

    def __init__(self, broker: PrivateBroker, folder: Path, workers: int, prefetch: int) -> None:
        self._url = broker.create_vhost()
        command = [sys.executable, "-m", "floor", self._url, str(workers), str(workers * prefetch)]
        self._service = _Command("floor", [*command, str(folder)], folder, {})
        self._stack = ExitStack()

    @property
    def service(self) -> psutil.Process:
        """The process that has the pool."""
        return psutil.Process(self._service.process.pid)

    def submit(self, path: str) -> str:
        """Publish the document."""
        return self._client.submit(path)

    def result(self, job: str) -> ProcessingResult:
        """Wait for the result."""
        return ProcessingResult.model_validate_json(self._client.result(job, TIMEOUT))

    def __enter__(self) -> Self:
        with self._stack:
            self._stack.enter_context(self._service)
            self._service.wait_for("ready")
            self._client = FloorClient(self._url)
            self._stack.callback(self._client.close)
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)


class _Peer:
    """What the two peers have in common: a worker command, and a module that submits to it."""

    name = ""
    module = ""
    confirms = "1"

    def __init__(self, broker: PrivateBroker, folder: Path, workers: int, prefetch: int) -> None:
        self._broker, self._folder, self._workers = broker, folder, workers
        self._stack = ExitStack()
        self._config = CONFIG.model_dump(mode="json")
        self._environment = {"BENCH_PREFETCH": str(prefetch), "BENCH_CONFIRMS": self.confirms}

    def command(self) -> list[str]:
        """The worker's command line."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Start what it needs besides."""

    @property
    def service(self) -> psutil.Process:
        """The worker's main process."""
        return psutil.Process(self._worker.process.pid)

    @property
    def extra(self) -> Sequence[psutil.Process]:
        """Nothing but the broker."""
        return ()

    def start(self, name: str, arguments: Sequence[str]) -> _Command:
        """Start a service that ends with this side."""
        return self._stack.enter_context(_Command(name, arguments, self._folder, self._environment))

    def __enter__(self) -> Self:
        self._environment["BENCH_BROKER_URL"] = self._broker.create_vhost()
        with self._stack:
            self.prepare()
            self._worker = self.start(self.name.replace(" ", "-"), self.command())
            os.environ.update(self._environment)
            self._process = self.load()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def load(self) -> Any:
        """The task, for this process."""
        sys.path.insert(0, str(HERE))
        sys.modules.pop(self.module, None)
        try:
            return __import__(self.module).process
        finally:
            sys.path.remove(str(HERE))

    def submit(self, path: str) -> Any:
        """As its documentation has it."""
        self._worker.check()
        return self.send(path)

    def send(self, path: str) -> Any:
        """Submit one document."""
        raise NotImplementedError


class Celery(_Peer):
    """Celery: prefork, rpc results, acknowledged late; its producer does not wait for confirms."""

    name = "celery"
    module = "celery_app"
    confirms = "0"

    def command(self) -> list[str]:
        """Prefork with so many processes."""
        return [sys.executable, "-m", "celery", "-A", self.module, "worker", "-c", str(self._workers)]

    def send(self, path: str) -> Any:
        """`apply_async`."""
        return self._process.apply_async((path, self._config))

    def result(self, job: Any) -> ProcessingResult:
        """`AsyncResult.get`."""
        return ProcessingResult.model_validate_json(job.get(timeout=TIMEOUT))


class CeleryConfirmed(Celery):
    """The same with `confirm_publish`."""

    name = "celery, confirms"
    confirms = "1"


class Dramatiq(_Peer):
    """Dramatiq: publisher confirms, results in a Redis of its own."""

    name = "dramatiq"
    module = "dramatiq_app"

    def prepare(self) -> None:
        """Start Redis."""
        program = shutil.which("redis-server")
        if program is None:
            raise MissingError("dramatiq: redis-server was not found: apt-get install redis-server")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._redis = self.start("redis", [program, *options])
        self._environment["BENCH_REDIS_URL"] = f"redis://127.0.0.1:{port}/0"
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            self._redis.check()
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)

    @property
    def extra(self) -> Sequence[psutil.Process]:
        """Redis."""
        return [psutil.Process(self._redis.process.pid)]

    def command(self) -> list[str]:
        """So many processes of one thread."""
        self._environment["dramatiq_queue_prefetch"] = self._environment["BENCH_PREFETCH"]
        options = ["-p", str(self._workers), "-t", "1"]
        return [sys.executable, "-m", "dramatiq", self.module, *options]

    def send(self, path: str) -> Any:
        """`send`."""
        return self._process.send(path, self._config)

    def result(self, job: Any) -> ProcessingResult:
        """`get_result`."""
        return ProcessingResult.model_validate_json(job.get_result(block=True, timeout=int(TIMEOUT * 1000)))


SIDES: dict[str, type[Any]] = {side.name: side for side in (Ours, Floor, Celery, CeleryConfirmed, Dramatiq)}
