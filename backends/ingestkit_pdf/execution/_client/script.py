"""AMQP calls one after another, written as a generator instead of a chain of callbacks."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import Any

__all__ = ["Call", "Script", "Steps"]

Call = Callable[[Callable[[Any], None]], Any]
"""Starts one asynchronous call; the function it is given takes the answer."""

Steps = Generator[Call, Any, Any]


class Script:
    """Runs `steps` on the I/O loop of a connection; not thread-safe.

    Each `yield` of the generator starts a call and evaluates to its answer, or raises what `fail` was
    given meanwhile: a channel or a connection that closed.

    Args:
        steps: The generator function; it is given this script, for `open_channel`.
        on_done: Called once with None, or with the exception that ended the script.
    """

    def __init__(
        self, steps: Callable[[Script], Steps], on_done: Callable[[BaseException | None], None]
    ) -> None:
        self._steps = steps(self)
        self._on_done = on_done
        self._turn = 0
        self._finished = False

    def start(self) -> None:
        """Run up to the first call."""
        self._resume(lambda: next(self._steps))

    def fail(self, error: BaseException) -> None:
        """Raise `error` where the script waits; nothing once it has ended."""
        self._resume(lambda: self._steps.throw(error))

    def cancel(self) -> None:
        """End the script without a word to anybody."""
        self._finished = True
        self._steps.close()

    def _resume(self, step: Callable[[], Call]) -> None:
        if self._finished:
            return
        self._turn += 1
        turn = self._turn
        try:
            call = step()
        except StopIteration:
            self._finish(None)
            return
        except Exception as error:  # noqa: BLE001 - handed to on_done
            self._finish(error)
            return
        try:
            call(partial(self._answer, turn))
        except Exception as error:  # noqa: BLE001 - raised inside the generator, which may know what to do
            if turn == self._turn:
                self.fail(error)

    def _answer(self, turn: int, answer: Any = None) -> None:
        # A call that was overtaken by a failure may still answer; nobody waits for that any more.
        if turn == self._turn:
            self._resume(lambda: self._steps.send(answer))

    def _finish(self, error: BaseException | None) -> None:
        self._finished = True
        self._on_done(error)
