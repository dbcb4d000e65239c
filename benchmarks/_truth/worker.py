"""Runs one engine in a process of its own, so that its time, memory and hangs are its own."""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time
from multiprocessing.connection import Connection
from typing import Any

from _truth.engines import ENGINES

__all__ = ["Answer", "EngineProcess"]

_LOAD_SECONDS = 120.0

Answer = tuple[Any, float]
"""What the engine gave (None where it failed or hung), and the seconds it took."""


def _serve(name: str, connection: Connection) -> None:
    """The child: load the engine, answer questions until the pipe closes."""
    try:
        engine = ENGINES[name]()
        version = engine.load()
    except ImportError as error:
        connection.send((None, str(error), []))
        return
    connection.send((version, "", sorted(engine.asks)))
    while True:
        try:
            question, path = connection.recv()
        except EOFError:
            return
        start = time.perf_counter()
        try:
            answer = getattr(engine, question)(path)
            failure = ""
        except Exception as error:  # noqa: BLE001 - whatever a peer raises, the run goes on
            answer, failure = None, f"{type(error).__name__}: {error}"[:200]
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        connection.send((answer, seconds, failure, peak if sys.platform == "linux" else peak // 1024))


class EngineProcess:
    """One engine; it is started again after a document that it hung on.

    Attributes:
        version: Of the engine; empty when it is not installed.
        missing: Why it is not there.
        asks: What it can be asked for.
        peak_mib: The most memory it had.
        failures: Path and reason of what it could not do.
    """

    def __init__(self, name: str, timeout: float) -> None:
        self.name = name
        self.version = ""
        self.missing = ""
        self.asks: list[str] = []
        self.peak_mib = 0.0
        self.failures: list[tuple[str, str]] = []
        self._timeout = timeout
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(self.name, theirs), daemon=True)
        self._process.start()
        theirs.close()
        if not self._pipe.poll(_LOAD_SECONDS):
            self.missing = f"it did not load within {_LOAD_SECONDS:.0f} s"
            self.close()
            return
        version, self.missing, self.asks = self._pipe.recv()
        self.version = version or ""

    def ask(self, question: str, path: str) -> Answer:
        """Ask for `tables`, `markdown` or `language` of a document."""
        self._pipe.send((question, path))
        try:
            if self._pipe.poll(self._timeout):
                answer, seconds, failure, peak = self._pipe.recv()
                self.peak_mib = max(self.peak_mib, peak / 1024)
                if failure:
                    self.failures.append((path, failure))
                return answer, seconds
            reason = f"no answer within {self._timeout:.0f} s"
        except EOFError:
            reason = "its process died"
        self.failures.append((path, reason))
        self.close()
        self._start()
        return None, self._timeout

    def close(self) -> None:
        """End the process."""
        self._pipe.close()
        self._process.kill()
        self._process.join()
