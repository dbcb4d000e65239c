"""Processes that a private broker consists of: started apart from the terminal, waited for, ended."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from demo.node import BrokerError

__all__ = ["STOP_SECONDS", "accepts", "await_up", "end", "spawn"]

STOP_SECONDS = 20.0
_START_SECONDS = 60.0
_POLL_SECONDS = 0.05


def await_up(
    ready: Callable[[], bool], what: str, process: subprocess.Popen[bytes], log: Callable[[], str]
) -> None:
    """Wait until it is ready.

    Raises:
        BrokerError: It has ended or took too long; with the end of its log.
    """
    deadline = time.monotonic() + _START_SECONDS
    while not ready():
        if process.poll() is not None:
            raise BrokerError(f"{what} ended with {process.returncode} while starting{_part(log())}")
        if time.monotonic() > deadline:
            raise BrokerError(f"{what} was not up within {_START_SECONDS:g} s{_part(log())}")
        time.sleep(_POLL_SECONDS)


def _part(tail: str) -> str:
    return f"; the end of its log:\n{tail}" if tail else ""


def spawn(command: list[str], environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """A process in a session of its own, so that Ctrl-C in the terminal is ours alone to act on."""
    with log.open("ab") as output:
        try:
            return subprocess.Popen(
                command,
                env=environment,
                cwd=log.parent,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise BrokerError(f"{command[0]} could not be started: {error}") from error


def end(process: subprocess.Popen[bytes] | None, number: signal.Signals) -> None:
    """Signal a process that is still running and wait for its end, at most for `STOP_SECONDS`."""
    if process is None or process.poll() is not None:
        return
    os.kill(process.pid, number)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)


def accepts(port: int) -> bool:
    """Whether somebody listens on this port of 127.0.0.1."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
