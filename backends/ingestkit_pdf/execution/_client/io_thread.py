"""A thread that runs pika's I/O loop and takes commands from every other thread."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from pika.adapters.select_connection import IOLoop

__all__ = ["IOThread"]


class IOThread:
    """Starts with the first command and ends with `stop`.

    Args:
        name: Of the thread.
        on_crash: Called on the thread, with a new loop in place, when something escaped from the old one.
    """

    def __init__(self, name: str, on_crash: Callable[[BaseException], None]) -> None:
        self._name = name
        self._on_crash = on_crash
        self._commands: deque[Callable[[], None]] = deque()
        # Reentrant: a finalizer that posts a command may run inside any line of any thread.
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._running = threading.Event()
        self._stopping = False
        self._is_called = False  # the loop is to run what waits, and has not begun
        self._loop: Any = None

    @property
    def loop(self) -> Any:
        """The present I/O loop; only for the thread itself."""
        return self._loop

    @property
    def is_started(self) -> bool:
        """True once there has been a command."""
        return self._thread is not None

    def post(self, command: Callable[[], None]) -> None:
        """Run `command` on the thread; from any thread."""
        self._commands.append(command)
        with self._lock:
            if self._stopping:
                return
            if self._thread is None:
                self._loop = IOLoop()
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            if not self._is_called:  # each call is two system calls
                self._loop.add_callback_threadsafe(self._drain)
                self._is_called = True  # last: an interrupt in between costs a call too many

    def call_later(self, seconds: float, function: Callable[[], None]) -> Any:
        """Run `function` after so many seconds, unless the loop breaks meanwhile; only for the thread itself.

        The answer is for the loop's `remove_timeout`.
        """
        return self._loop.call_later(seconds, function)

    def stop(self) -> None:
        """End the thread; from any thread."""
        with self._lock:
            self._stopping = True
            if self._loop is not None:
                self._loop.add_callback_threadsafe(self._loop.stop)

    def join(self, timeout: float) -> bool:
        """Wait for the end; True when it has come."""
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return True
        # A Ctrl-C can interrupt the call that starts it, and then it may not be joined yet.
        if not self._running.wait(timeout):
            return False
        thread.join(timeout)
        return not thread.is_alive()

    def _drain(self) -> None:
        with self._lock:
            self._is_called = False  # before the look: a command that comes later calls again
        while self._commands:
            self._commands.popleft()()

    def _run(self) -> None:
        self._running.set()
        while True:
            try:
                self._loop.start()
            except Exception as error:  # noqa: BLE001 - a defect, here or in pika: go on with a new loop
                with self._lock:
                    self._loop.close()
                    if self._stopping:
                        return
                    self._loop = IOLoop()
                    self._loop.add_callback_threadsafe(self._drain)
                self._on_crash(error)
            else:
                self._loop.close()
                return
