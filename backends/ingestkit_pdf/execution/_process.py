"""One worker process, as the pool sees it."""

from __future__ import annotations

import contextlib
import select
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from ingestkit_pdf.execution._channel import ChannelError, Frame, FrameReader, Kind, Progress, write_frame
from ingestkit_pdf.execution._forkserver import EXIT_RECORD

__all__ = ["WorkerExit", "WorkerProcess", "WorkerStartError"]

_READY_SECONDS = 60.0
_EXIT_SECONDS = 5.0
_LONGEST_POLL_SECONDS = 3600.0


class WorkerStartError(Exception):
    """A worker could not be started; `str()` says why."""


@dataclass(frozen=True, slots=True)
class WorkerExit:
    """How a worker process ended: an exit code or the name of a signal, unless the fork server died too."""

    code: int | None = None
    signal: str | None = None
    peak_memory_bytes: int | None = None

    @classmethod
    def from_record(cls, record: bytes) -> WorkerExit:
        """From what the fork server wrote; nothing where it could not."""
        if len(record) < EXIT_RECORD.size:
            return cls()
        status, peak = EXIT_RECORD.unpack(record)
        if status >= 0:
            return cls(code=status, peak_memory_bytes=peak)
        return cls(signal=_signal_name(-status), peak_memory_bytes=peak)

    def __str__(self) -> str:
        if self.signal is not None:
            return f"was ended by {self.signal}"
        if self.code is not None:
            return f"exited with code {self.code}"
        return "is gone together with its fork server"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


class WorkerProcess:
    """Channel, page counter and end of one worker. Used by one thread, `kill` by any."""

    def __init__(
        self, channel: socket.socket, status: socket.socket, progress: Progress, kill: Callable[[int], None]
    ) -> None:
        channel.setblocking(False)
        self._channel = channel
        self._reader = FrameReader(channel)
        self._poll = select.poll()
        self._poll.register(channel, select.POLLIN)
        self._poll.register(status, select.POLLIN)
        self._kill = kill
        self.status = status
        self.progress = progress
        self.pid = 0
        self.exit: WorkerExit | None = None
        self.unconfined: tuple[str, ...] = ()

    def await_ready(self) -> None:
        """Wait until it has loaded its function.

        Raises:
            WorkerStartError: It did not, and why.
        """
        try:
            answer = self.receive(time.monotonic() + _READY_SECONDS)
        except ChannelError as error:
            raise WorkerStartError(f"the worker process did not start properly: {error}") from error
        if answer is None and self.exit is not None:
            raise WorkerStartError(f"the worker process {self.exit} before it was ready")
        if answer is None:
            raise WorkerStartError(f"the worker process was not ready within {_READY_SECONDS:g} s")
        if answer.kind is not Kind.READY:
            raise WorkerStartError(str(answer.meta.get("message", "the worker process did not start")))
        self.unconfined = tuple(str(line)[:200] for line in answer.meta.get("unconfined", ())[:10])

    def send(
        self, meta: dict[str, object], body: bytes, *, timeout: float, document: int | None = None
    ) -> bool:
        """Hand over a task, and its document as an open file; False when the worker did not take all."""
        self._channel.settimeout(timeout)
        try:
            write_frame(self._channel, Kind.TASK, meta | {"document": document is not None}, body)
            if document is not None:
                socket.send_fds(self._channel, [b"\0"], [document])
        except OSError:
            return False
        finally:
            self._channel.setblocking(False)
        return True

    def reply(self, kind: Kind, meta: dict[str, object], body: bytes, *, deadline: float) -> bool:
        """Answer what the worker asked and waits for; False when it did not take all."""
        self._channel.settimeout(max(deadline - time.monotonic(), 0.001))
        try:
            write_frame(self._channel, kind, meta, body)
        except OSError:
            return False
        finally:
            self._channel.setblocking(False)
        return True

    def await_other(self, fd: int, deadline: float) -> bool:
        """Wait until `fd` is readable; False when the worker speaks or ends before, or the time is up."""
        poll = select.poll()
        for watched in (fd, self._channel.fileno(), self.status.fileno()):
            poll.register(watched, select.POLLIN)
        remaining = min(max(deadline - time.monotonic(), 0.0), _LONGEST_POLL_SECONDS)
        return any(ready == fd for ready, _ in poll.poll(remaining * 1000 + 1))

    def receive(self, deadline: float) -> Frame | None:
        """Wait for a frame; None when the worker has ended (then `exit` is set) or the time is up.

        Raises:
            ChannelError: It sent something else.
        """
        while self.exit is None and (remaining := deadline - time.monotonic()) > 0:
            ready = {fd for fd, _ in self._poll.poll(min(remaining, _LONGEST_POLL_SECONDS) * 1000 + 1)}
            if self._channel.fileno() in ready:
                frame = self._reader.receive()
                if frame is not None:
                    return frame
                if self._reader.closed:
                    self._poll.unregister(self._channel)
            elif ready:
                # Only when the channel has nothing left: an answer that was sent before the end counts.
                self.read_exit()
        return None

    def read_exit(self) -> None:
        """Take how it ended off the status channel, which is readable."""
        self.exit = WorkerExit.from_record(self.status.recv(EXIT_RECORD.size))

    def kill(self) -> None:
        """Kill it at once; nothing happens when it has ended."""
        self._kill(self.pid)

    def end(self, *, kill: bool) -> WorkerExit:
        """Have it end (at once, or when it is idle) and wait for that; then only `discard` is left."""
        if kill and self.exit is None:
            self.kill()
        # Not just closed: a process that the program has forked may hold a copy.
        with contextlib.suppress(OSError):
            self._channel.shutdown(socket.SHUT_RDWR)
        if self.exit is None and not self._exits_within(_EXIT_SECONDS):
            self.kill()
            self._exits_within(_EXIT_SECONDS)
        return self.exit or WorkerExit()

    def _exits_within(self, seconds: float) -> bool:
        poll = select.poll()
        poll.register(self.status, select.POLLIN)
        if not poll.poll(seconds * 1000):
            return False
        self.read_exit()
        return True

    def discard(self) -> None:
        """Give back what the pool holds of it."""
        self._channel.close()
        self.status.close()
        self.progress.close()
