"""A real daemon in a process of its own, seen through its log."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

__all__ = ["DaemonProcess"]

_START_TIMEOUT = 30.0


class DaemonProcess:
    """Runs `ingestkit-pdfd run` and collects what it logs.

    Args:
        amqp_url: The broker.
        staging: Folder for staged documents.
        settings: Further settings, by name; lists and tables as Python values.
    """

    def __init__(self, amqp_url: str, staging: Path, **settings: Any) -> None:
        values = {"amqp_url": amqp_url, "staging_dir": str(staging), "workers": 2, **settings}
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("INGESTKIT_PDFD_")},
            "INGESTKIT_PDFD_LOG_FORMAT": "json",
            **{f"INGESTKIT_PDFD_{name.upper()}": _text(value) for name, value in values.items()},
        }
        self._changed = threading.Condition()
        self.events: list[dict[str, Any]] = []
        self.noise: list[str] = []
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    @property
    def process(self) -> subprocess.Popen[str]:
        """The process, once started."""
        assert self._process is not None, "the daemon was not started"
        return self._process

    def start(self, *, ready: bool = True) -> Self:
        """Start it and, by default, wait until the broker sees its consumers."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ingestkit_pdfd", "run"],
            env=self._environment,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()
        if ready:
            self.wait_for("daemon_ready")
        return self

    def wait_for(
        self, event: str, *, count: int = 1, timeout: float = _START_TIMEOUT, **fields: Any
    ) -> list[dict[str, Any]]:
        """Wait until so many lines of this event, with these fields, were logged; these lines."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while len(found := self.logged(event, **fields)) < count:
                left = deadline - time.monotonic()
                gone = self.process.poll() is not None and not self._reading()
                if left <= 0 or gone:
                    tail = "\n".join(json.dumps(line) for line in self.events[-20:])
                    state = f"exited with {self.process.returncode}" if gone else "is running"
                    raise AssertionError(
                        f"{len(found)} of {count} lines {event} {fields}; the daemon {state}\n{tail}\n"
                        + "\n".join(self.noise[-20:])
                    )
                self._changed.wait(min(left, 0.2))
        return found

    def logged(self, event: str, **fields: Any) -> list[dict[str, Any]]:
        """The lines of this event, with these fields, so far."""
        return [
            line
            for line in self.events
            if line.get("event") == event and all(line.get(key) == value for key, value in fields.items())
        ]

    def workers(self) -> list[psutil.Process]:
        """The worker processes (below the forkserver)."""
        found = []
        for child in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # one that was killed may go while it is looked at
                if child.ppid() != self.process.pid:
                    found.append(child)
        return found

    def kill_worker(self) -> None:
        """SIGKILL a worker that lives, waiting for one."""
        deadline = time.monotonic() + _START_TIMEOUT
        while time.monotonic() < deadline:
            for worker in self.workers():
                with suppress(psutil.NoSuchProcess):
                    worker.kill()
                    return
            time.sleep(0.02)
        raise AssertionError("the daemon has no worker")

    def terminate(self, timeout: float = 40.0) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self) -> None:
        """SIGKILL, and wait until no process of it is left."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        self.process.kill()
        self.wait(10)
        _, alive = psutil.wait_procs(family, timeout=10)
        assert not alive, f"processes outlived the daemon: {alive}"

    def wait(self, timeout: float) -> int:
        """Wait for its end; the exit code."""
        code = self.process.wait(timeout)
        if self._reader is not None:
            self._reader.join(10)
        return code

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:  # else nobody would end it
            self.__exit__(None, None, None)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            family = psutil.Process(self._process.pid).children(recursive=True)
            self._process.send_signal(signal.SIGTERM)
            try:
                self.wait(40)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self.wait(10)
                raise
            _, alive = psutil.wait_procs(family, timeout=10)
            assert not alive, f"processes outlived the daemon: {alive}"

    def _reading(self) -> bool:
        return self._reader is not None and self._reader.is_alive()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        with process.stderr as log:
            for line in log:
                with self._changed:
                    try:
                        self.events.append(json.loads(line))
                    except json.JSONDecodeError:
                        self.noise.append(line.rstrip())
                    self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
