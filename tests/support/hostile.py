"""What a document can do to a worker, as a catalogue: the name of the file says which.

`act` is a `process_fn`; `config["argument"]` is whatever the act needs.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ingestkit_pdf.errors import ErrorCode, IngestError
from ingestkit_pdf.models import ProcessingResult

_kept: list[bytearray] = []


def result_of(file_path: str, *, note: str = "", markdown: str = "") -> ProcessingResult:
    """A small result; `note` travels as the run id."""
    error = IngestError(code=ErrorCode.E_PARSE_EMPTY, message="nothing to read", stage="open")
    failed = ProcessingResult.failed(file_path, error, ingest_run_id=note)
    return failed.model_copy(update={"markdown": markdown})


def act(
    file_path: str, config: dict[str, Any], *, on_page: Callable[[int], None] | None = None
) -> ProcessingResult:
    """Do what the name of the file says."""
    if on_page is not None:
        on_page(7)
    return ACTS[Path(file_path).name](file_path, config)


def plain(file_path: str, config: dict[str, Any]) -> ProcessingResult:
    """Return a result that tells the worker's pid."""
    return result_of(file_path, note=str(os.getpid()))


def _signal_itself(number: int) -> Callable[..., ProcessingResult]:
    def die(file_path: str, config: dict[str, Any]) -> ProcessingResult:
        os.kill(os.getpid(), number)
        raise AssertionError("survived")

    return die


def _exit_at_once(file_path: str, config: dict[str, Any]) -> ProcessingResult:
    os._exit(7)


def _sys_exit(file_path: str, config: dict[str, Any]) -> ProcessingResult:
    sys.exit(3)


def _hang(file_path: str, config: dict[str, Any]) -> ProcessingResult:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)
    raise AssertionError("was not stopped")


def _leave_child(file_path: str, config: dict[str, Any]) -> ProcessingResult:
    child = subprocess.Popen(["sleep", "600"])
    Path(config["argument"]).write_text(str(child.pid))
    time.sleep(600)
    raise AssertionError("was not stopped")


def _abandon_child(file_path: str, config: dict[str, Any]) -> ProcessingResult:
    child = subprocess.Popen(["sleep", "600"])
    Path(config["argument"]).write_text(str(child.pid))
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("survived")


def _wait_for_gate(file_path: str, config: dict[str, Any]) -> ProcessingResult:
    """Opening a FIFO blocks until the test opens the other end."""
    Path(config["argument"]).read_bytes()
    return plain(file_path, config)


def _hog(file_path: str, config: dict[str, Any]) -> ProcessingResult:
    _kept.append(bytearray(8 * 1024**3))
    return plain(file_path, config)


def _native_hog(file_path: str, config: dict[str, Any]) -> ProcessingResult:
    raise RuntimeError("code=2: malloc (8589934592 bytes) failed")


def _grow(file_path: str, config: dict[str, Any]) -> ProcessingResult:
    block = bytearray(128 * 1024**2)
    block[::4096] = b"x" * len(block[::4096])
    _kept.append(block)
    return plain(file_path, config)


def _raise(file_path: str, config: dict[str, Any]) -> ProcessingResult:
    raise ValueError("two\nlines" + "!" * 10_000)


class _MuteError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def _raise_mute(file_path: str, config: dict[str, Any]) -> ProcessingResult:
    raise _MuteError


def _wrong_type(file_path: str, config: dict[str, Any]) -> Any:
    return {"not": "a result"}


def _large(file_path: str, config: dict[str, Any]) -> ProcessingResult:
    return result_of(file_path, markdown="x" * int(config["argument"]))


def _stop_halfway(number: int) -> Callable[..., ProcessingResult]:
    """Send half of a large answer, then a signal to oneself."""

    def act_halfway(file_path: str, config: dict[str, Any]) -> ProcessingResult:
        whole = socket.socket.sendall

        def half(sock: socket.socket, data: bytes, *flags: int) -> None:
            if len(data) < 1_000_000:
                return whole(sock, data, *flags)
            whole(sock, data[: len(data) // 2])
            return os.kill(os.getpid(), number)

        socket.socket.sendall = half  # type: ignore[method-assign]
        return _large(file_path, config)

    return act_halfway


def _noise(file_path: str, config: dict[str, Any]) -> ProcessingResult:
    sys.stdout.write("noise on standard output\n")
    sys.stdout.flush()
    os.write(1, b"more noise\n")
    return plain(file_path, config)


def _descriptors() -> dict[int, str]:
    """What each descriptor of this process is."""
    found = {}
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the one that lists the folder
            found[int(entry.name)] = str(entry.readlink())
    return found


def _forge(file_path: str, config: dict[str, Any]) -> ProcessingResult:
    """Write garbage into every socket the process has."""
    for number, target in _descriptors().items():
        if target.startswith("socket:"):
            os.write(number, b"GET / HTTP/1.1\r\nHost: nowhere\r\n\r\n")
    time.sleep(600)
    raise AssertionError("was not stopped")


def _surroundings(file_path: str, config: dict[str, Any]) -> ProcessingResult:
    descriptors = _descriptors()
    facts = {
        "stdin": descriptors[0],
        "sockets": sum(target.startswith("socket:") for target in descriptors.values()),
        "core": resource.getrlimit(resource.RLIMIT_CORE)[0],
        "address_space": resource.getrlimit(resource.RLIMIT_AS)[0],
        "oom_score_adj": int(Path("/proc/self/oom_score_adj").read_text()),
        "process_group": os.getpgid(0) == os.getpid(),
        "parent": os.getppid(),
        "config": config,
    }
    return result_of(file_path, note=json.dumps(facts))


ACTS: dict[str, Callable[..., ProcessingResult]] = {
    "plain": plain,
    "sigkill": _signal_itself(signal.SIGKILL),
    "sigsegv": _signal_itself(signal.SIGSEGV),
    "exit": _exit_at_once,
    "sys_exit": _sys_exit,
    "hang": _hang,
    "leave_child": _leave_child,
    "abandon_child": _abandon_child,
    "gate": _wait_for_gate,
    "hog": _hog,
    "native_hog": _native_hog,
    "grow": _grow,
    "raise": _raise,
    "raise_mute": _raise_mute,
    "wrong_type": _wrong_type,
    "large": _large,
    "killed_halfway": _stop_halfway(signal.SIGKILL),
    "stopped_halfway": _stop_halfway(signal.SIGSTOP),
    "noise": _noise,
    "forge": _forge,
    "surroundings": _surroundings,
}
