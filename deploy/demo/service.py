"""The daemon of the demonstration: `ingestkit-pdfd run` as a process of its own, seen through its log."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

__all__ = ["DaemonService", "ServiceError"]

_PREFIX = "INGESTKIT_PDFD_"
_READY_EVENT = "daemon_ready"
_READY_SECONDS = 60.0
_DRAIN_SECONDS = 10.0
_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.05
_LOG_TAIL_LINES = 15


class ServiceError(RuntimeError):
    """The daemon did not start, or ended before it was told to."""


class DaemonService:
    """Starts the daemon, waits until it consumes, and drains it at the end. A context manager.

    Args:
        log_file: Where its log goes.
        settings: Settings of the daemon by name; lists as Python lists.
        environment: More variables for its environment.

    Raises:
        ServiceError: It did not come up in time; with the end of its log.
    """

    def __init__(
        self, log_file: Path, settings: Mapping[str, Any], environment: Mapping[str, str] | None = None
    ) -> None:
        self.log_file = log_file
        values = {"log_format": "json", "drain_timeout": _DRAIN_SECONDS, **settings}
        # The user's own daemon settings are for the user's own daemon.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_PREFIX)}
        given = {f"{_PREFIX}{name.upper()}": _text(value) for name, value in values.items()}
        self._environment = {**inherited, **given, f"{_PREFIX}CONFIG": os.devnull, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def is_running(self) -> bool:
        """True while its process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it and wait until it takes jobs."""
        command = [sys.executable, "-m", "ingestkit_pdfd", "run"]
        with self.log_file.open("wb") as log:
            # A session of its own: Ctrl-C in the terminal is for us, and we stop it in order.
            self._process = subprocess.Popen(
                command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> int | None:
        """Drain and end it; its exit code, None where it was never started. Idempotent."""
        process = self._process
        if process is None:
            return None
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_SECONDS)
        if process.poll() is None:
            process.kill()  # its workers die with it
            process.wait(_STOP_SECONDS)
        return process.returncode

    def check(self) -> None:
        """Raise where it has ended by itself."""
        if not self.is_running:
            code = self._process.returncode if self._process is not None else None
            raise ServiceError(f"the daemon ended with {code}{self._log_part()}")

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while not self._is_ready():
            self.check()
            if time.monotonic() > deadline:
                raise ServiceError(f"the daemon took no jobs within {_READY_SECONDS:g} s{self._log_part()}")
            time.sleep(_POLL_SECONDS)

    def _is_ready(self) -> bool:
        for line in self._log_lines():
            with contextlib.suppress(json.JSONDecodeError):
                entry = json.loads(line)
                if isinstance(entry, dict) and entry.get("event") == _READY_EVENT:
                    return True
        return False

    def _log_lines(self) -> list[str]:
        return self.log_file.read_text(encoding="utf-8", errors="replace").splitlines()

    def _log_part(self) -> str:
        tail = "\n".join(self._log_lines()[-_LOG_TAIL_LINES:])
        return f"; the end of its log ({self.log_file}):\n{tail}" if tail else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
