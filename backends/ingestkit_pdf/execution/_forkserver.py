"""The process that workers are forked from, and what each of them does first.

It has the parser loaded and does nothing else, so a worker takes milliseconds instead of the second
that importing takes. It has one thread, runs no foreign code after start-up and dies with the
process that started it, taking every worker along. Not `multiprocessing`'s fork server, for three
reasons: that one is shared by the whole program, stays up while any worker is busy, and imports the
caller's script into every worker.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import resource
import selectors
import signal
import socket
import struct
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from ingestkit_pdf.execution._channel import Progress
from ingestkit_pdf.execution._reference import FunctionReference
from ingestkit_pdf.execution.sandbox import Sandbox
from ingestkit_pdf.execution.worker import serve

__all__ = ["EXIT_RECORD", "PID_RECORD", "Setup", "collect_seldom", "main"]

PID_RECORD = struct.Struct("<q")
"""First on the status channel: the worker's pid, or a negative errno when it could not be forked."""
EXIT_RECORD = struct.Struct("<qq")
"""Last on the status channel: exit code (negative: signal) and largest resident size in bytes."""

_PARENT_CHECK_SECONDS = 1.0
_OOM_SCORE_ADJ = 500
_GC_THRESHOLDS = (100_000, 20, 20)
"""A large document is a million objects, and none of them garbage, nor are those of broken documents: looking
through all of them as often as Python does by default takes 6 % of the time. Most documents are done before
the first threshold is reached."""
_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What the server is told once, in its first packet."""

    parent_pid: int
    preload: tuple[str, ...]
    function: FunctionReference
    memory_bytes: int | None
    sandbox: Sandbox = Sandbox.OFF
    helper: FunctionReference | None = None

    def encode(self) -> bytes:
        """As JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From JSON."""
        fields: dict[str, Any] = json.loads(data)
        function = FunctionReference(**fields["function"])
        helper = FunctionReference(**fields["helper"]) if fields["helper"] else None
        sandbox = Sandbox(fields["sandbox"])
        return cls(**{**fields, "function": function, "helper": helper, "sandbox": sandbox})


def main(control_fd: int) -> None:
    """Serve the requests on `control_fd` until its other side is gone."""
    control = socket.socket(fileno=control_fd)
    setup = Setup.decode(control.recv(1 << 16))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl(_PR_SET_NAME, b"ingestkit-fork", 0, 0, 0)
    # A service manager sends SIGTERM to every process; when to stop is the parent's to say.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for item in setup.preload:
        with contextlib.suppress(Exception):  # only a head start: a worker that needs it says what is wrong
            _preload(item)
    collect_seldom()
    _Server(control, setup, prctl).run()


def collect_seldom() -> None:
    """Have the garbage collector leave alone what is there now, and look at the rest less often."""
    gc.collect()
    gc.freeze()  # so that a worker's collections do not touch, and so copy, the pages it shares
    gc.set_threshold(*_GC_THRESHOLDS)


def _preload(item: str) -> None:
    """Import a module or call a function of it: `module`, `module:function`, `module:function:argument`."""
    module, _, call = item.partition(":")
    loaded = importlib.import_module(module)
    if call:
        function, _, argument = call.partition(":")
        getattr(loaded, function)(*([argument] if argument else []))


class _Server:
    def __init__(self, control: socket.socket, setup: Setup, prctl: Callable[..., int]) -> None:
        self._control = control
        self._setup = setup
        self._prctl = prctl
        self._status: dict[int, int] = {}
        self._selector = selectors.DefaultSelector()

    def run(self) -> None:
        child_exited, wakeup = os.pipe()
        for fd in (child_exited, wakeup):
            os.set_blocking(fd, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        self._selector.register(self._control, selectors.EVENT_READ)
        self._selector.register(child_exited, selectors.EVENT_READ)
        try:
            # A process that the parent forked may hold the other side open, so its end alone is not enough.
            while os.getppid() == self._setup.parent_pid:
                ready = {key.fileobj for key, _ in self._selector.select(_PARENT_CHECK_SECONDS)}
                if child_exited in ready:
                    os.read(child_exited, 4096)
                    self._reap()
                if self._control in ready and not self._take_request():
                    return
        finally:
            for pid in self._status:
                _kill_group(pid)

    def _take_request(self) -> bool:
        try:
            request, fds, _, _ = socket.recv_fds(self._control, 64, 3, socket.MSG_CMSG_CLOEXEC)
        except ConnectionResetError:
            return False
        if not request:
            return False
        if request == b"spawn":
            self._spawn(*fds)
        else:
            pid = int(request)
            # Only a child that was not reaped yet: its pid cannot have become another process's.
            if pid in self._status:
                _kill_group(pid)
        return True

    def _spawn(self, sock_fd: int, status_fd: int, progress_fd: int) -> None:
        server = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            _write(status_fd, PID_RECORD.pack(-(error.errno or 1)))
            for fd in (status_fd, sock_fd, progress_fd):
                os.close(fd)
            return
        if pid == 0:
            code = 1
            try:
                self._enter_worker(server, status_fd)
                self._run_worker(sock_fd, progress_fd)
                code = 0
            except BaseException:  # noqa: BLE001 - a forked child must never return into the server's loop
                traceback.print_exc()
            finally:
                os._exit(code)
        os.close(sock_fd)
        os.close(progress_fd)
        with contextlib.suppress(OSError):  # the child does the same; whoever is first
            os.setpgid(pid, pid)
        self._status[pid] = status_fd
        _write(status_fd, PID_RECORD.pack(pid))

    def _reap(self) -> None:
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if found is None:
                return
            _kill_group(found.si_pid)  # what the worker started and left behind; its pid is still taken
            pid, status, usage = os.wait4(found.si_pid, 0)
            status_fd = self._status.pop(pid, None)
            if status_fd is None:  # not a worker: something that a preloaded module started
                continue
            _write(status_fd, EXIT_RECORD.pack(os.waitstatus_to_exitcode(status), usage.ru_maxrss * 1024))
            os.close(status_fd)

    def _enter_worker(self, server: int, status_fd: int) -> None:
        """Become a worker: dies with the server, keeps nothing that belongs to it or to other workers."""
        self._prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != server:  # it was gone before the line above took effect
            os._exit(1)
        os.setpgid(0, 0)
        self._prctl(_PR_SET_NAME, b"ingestkit-work", 0, 0, 0)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._selector.close()
        self._control.close()
        for fd in (status_fd, *self._status.values()):
            os.close(fd)
        _raise_oom_score()

    def _run_worker(self, sock_fd: int, progress_fd: int) -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        sock = socket.socket(fileno=sock_fd)
        setup = self._setup
        progress = Progress.inherited(progress_fd)
        serve(sock, progress, setup.function, setup.memory_bytes, setup.sandbox, helper=setup.helper)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _write(fd: int, data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError):  # the pool has given this worker up
        os.write(fd, data)


def _raise_oom_score() -> None:
    """Let the kernel take a worker before its parent when the machine runs out of memory."""
    file = Path("/proc/self/oom_score_adj")
    with contextlib.suppress(OSError):
        file.write_text(str(min(1000, int(file.read_text()) + _OOM_SCORE_ADJ)))
