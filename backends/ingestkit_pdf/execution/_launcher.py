"""The pool's side of the fork server."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import threading

from ingestkit_pdf.execution._channel import Progress
from ingestkit_pdf.execution._forkserver import PID_RECORD, Setup
from ingestkit_pdf.execution._process import WorkerProcess, WorkerStartError
from ingestkit_pdf.execution.sandbox import Sandbox, clean_environment

__all__ = ["Launcher"]

_FORK_SECONDS = 60.0
"""Until the first worker is forked; the fork server imports the parser meanwhile."""
_STOP_SECONDS = 5.0
_ONE_THREAD = {"OMP_THREAD_LIMIT": "1"}
"""For libraries that would start threads of their own: a worker is one, and confined may start no other."""
_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[2]); "
    "from ingestkit_pdf.execution._forkserver import main; main(int(sys.argv[1]))"
)


class Launcher:
    """Starts and kills the workers of one pool through its fork server; safe to use from many threads."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._lock = threading.Lock()
        self._server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._closed = False

    @property
    def confined(self) -> bool:
        """True when its workers may open no document themselves."""
        return self._setup.sandbox is not Sandbox.OFF

    def spawn(self) -> WorkerProcess:
        """Fork a worker; a fork server that has died is started again.

        Raises:
            WorkerStartError: There is no new worker, and why.
        """
        try:
            channel, worker_end = socket.socketpair()
            status, status_end = socket.socketpair()
            progress = Progress.create()
        except OSError as error:
            raise WorkerStartError(f"no channel to a worker could be made: {error}") from error
        worker = WorkerProcess(channel, status, progress, self.kill)
        try:
            with worker_end, status_end:
                self._request_worker([worker_end.fileno(), status_end.fileno(), progress.fileno()])
            worker.pid = _await_pid(status)
        except WorkerStartError:
            worker.discard()
            raise
        return worker

    def _request_worker(self, fds: list[int]) -> None:
        with self._lock:
            if self._closed:
                raise WorkerStartError("the pool is closed")
            try:
                control = self._ensure_server()
                socket.send_fds(control, [b"spawn"], fds)
            except OSError as error:
                raise WorkerStartError(f"the fork server cannot be reached: {error}") from error

    def kill(self, pid: int) -> None:
        """Kill a worker and what it started; nothing happens when it has ended already.

        By way of the fork server, which is its parent and so knows whether the pid is still that worker's.
        """
        with self._lock:
            # A fork server that is gone has taken its workers along.
            if self._control is not None:
                with contextlib.suppress(OSError):
                    self._control.send(b"%d" % pid)

    def close(self) -> None:
        """End the fork server, and with it every worker that is left."""
        with self._lock:
            self._closed = True
            self._drop_server()

    def _ensure_server(self) -> socket.socket:
        if self._server is not None and self._server.poll() is not None:
            self._drop_server()
        if self._control is None:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                try:
                    self._server = _start_server(theirs, self._setup.sandbox)
                    ours.send(self._setup.encode())
                except BaseException:
                    ours.close()
                    raise
            self._control = ours
        return self._control

    def _drop_server(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._server is not None:
            try:
                self._server.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
            self._server = None


def _await_pid(status: socket.socket) -> int:
    poll = select.poll()
    poll.register(status, select.POLLIN)
    if not poll.poll(_FORK_SECONDS * 1000):
        raise WorkerStartError(f"the fork server did not answer within {_FORK_SECONDS:g} s")
    record = status.recv(PID_RECORD.size)
    if len(record) < PID_RECORD.size:
        raise WorkerStartError("the fork server ended while it was starting; its standard error says why")
    (pid,) = PID_RECORD.unpack(record)
    if pid < 0:
        raise WorkerStartError(f"a worker could not be forked: {os.strerror(-pid)}")
    return int(pid)


def _start_server(control: socket.socket, sandbox: Sandbox) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", _BOOT, str(control.fileno()), json.dumps(sys.path)]
    return subprocess.Popen(
        command,
        env={**(os.environ if sandbox is Sandbox.OFF else clean_environment(os.environ)), **_ONE_THREAD},
        stdin=subprocess.DEVNULL,
        stdout=_standard_error(),  # what a parser prints must not mix with what a program prints
        pass_fds=[control.fileno()],
        process_group=0,  # Ctrl-C belongs to the parent
    )


def _standard_error() -> int:
    try:
        os.fstat(2)
    except OSError:  # a daemon that has closed it
        return subprocess.DEVNULL
    return 2
