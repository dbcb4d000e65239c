"""What is done on the connection besides jobs and results, on channels of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from ingestkit_pdf.execution._client.control import RefusedError, send
from ingestkit_pdf.execution._client.declare import DeclarationError
from ingestkit_pdf.execution._client.script import Script, Steps
from ingestkit_pdf.wire.envelope import Message
from ingestkit_pdf.wire.topology import Topology

__all__ = ["Errand", "Errands", "Request", "refusal_of"]

_AGAIN = 1.0
"""Seconds until an errand is tried again whose channel was closed under it."""


class Errand(Protocol):
    """Something to be done; every method is called on the I/O thread."""

    def steps(self, connection: Any, script: Script) -> Steps:
        """Do it, on an open connection."""
        ...

    def ended(self, error: BaseException | None) -> bool:
        """The steps have ended; False to have them done again should there be another connection."""
        ...

    def joined(self) -> None:
        """It was asked for once more while it is under way."""
        ...

    def fail(self, reason: str) -> None:
        """It cannot be done."""
        ...


class Errands:
    """Errands under way; owned by the I/O thread.

    Args:
        call_later: Calls a function after so many seconds.
    """

    def __init__(self, call_later: Callable[[float, Callable[[], None]], object]) -> None:
        self._call_later = call_later
        self._connection: Any = None
        self._errands: list[Errand] = []
        self._scripts: dict[int, Script] = {}

    def add(self, errand: Errand) -> None:
        """Have it done now, or when there is a connection, and again on each until it is over."""
        if errand in self._errands:
            errand.joined()
            return
        self._errands.append(errand)
        self.again(errand)

    def remove(self, errand: Errand) -> None:
        """It is not wanted any more."""
        if errand in self._errands:
            self._errands.remove(errand)
            script = self._scripts.pop(id(errand), None)
            if script is not None:
                script.cancel()

    def again(self, errand: Errand) -> None:
        """Do it (once more) on the present connection, unless it is under way."""
        connection = self._connection
        if connection is None or errand not in self._errands or id(errand) in self._scripts:
            return

        def done(error: BaseException | None) -> None:
            self._scripts.pop(id(errand), None)
            if errand.ended(error):
                self.remove(errand)
            elif error is not None and connection is self._connection:
                self._call_later(_AGAIN, partial(self.again, errand))

        script = self._scripts[id(errand)] = Script(partial(errand.steps, connection), done)
        script.start()

    def ready(self, connection: Any) -> None:
        """There is a connection: do what is to be done on it."""
        if connection is not self._connection:
            self._connection = connection
            for errand in tuple(self._errands):
                self.again(errand)

    def lost(self) -> None:
        """The connection is gone; what was under way is done again on the next one."""
        self._connection = None
        for script in self._scripts.values():
            script.cancel()
        self._scripts.clear()

    def fail(self, reason: str) -> None:
        """There will be no connection."""
        for errand in tuple(self._errands):
            self.remove(errand)
            errand.fail(reason)


class Request:
    """A request to every daemon; whoever made it can wait until the broker has it.

    Args:
        topology: Names the exchange.
        messages: The request.
        on_failure: Called on the I/O thread if it cannot be sent, with the reason.

    Attributes:
        failure: Why it was not sent; None where it was, or still can be.
        heard: Whether a daemon has it.
    """

    def __init__(
        self, topology: Topology, messages: Sequence[Message], on_failure: Callable[[str], None]
    ) -> None:
        self._topology = topology
        self._on_failure = on_failure
        self._messages = messages
        self._done = threading.Event()
        self.failure: str | None = None
        self.heard = False

    def wait(self, timeout: float) -> bool:
        """Wait for the end; whether it has come. From any thread."""
        return self._done.wait(timeout)

    def steps(self, connection: Any, script: Script) -> Steps:
        """Publish it."""
        self.heard = yield from send(connection, script, self._topology, self._messages)

    def ended(self, error: BaseException | None) -> bool:
        """It is with the broker, or refused, or to be sent again."""
        if (refusal := refusal_of(error)) is not None:
            self.fail(refusal)
        elif error is not None:
            return False
        self._done.set()
        return True

    def joined(self) -> None:
        """It is under way."""

    def fail(self, reason: str) -> None:
        """There will be no connection."""
        self.failure = reason
        self._done.set()
        self._on_failure(reason)


def refusal_of(error: BaseException | None) -> str | None:
    """What the broker refused, in words; None for what trying again can mend."""
    return str(error) if isinstance(error, RefusedError | DeclarationError) else None
