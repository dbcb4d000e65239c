"""AMQP calls as a generator: the driver that the client's set-up runs on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ingestkit_pdf.execution._client.script import Script, Steps

Done = Callable[[Any], None]


class Calls:
    """Calls that a test answers when it likes."""

    def __init__(self) -> None:
        self.open: list[Done] = []

    def __call__(self, done: Done) -> None:
        self.open.append(done)


def run(steps: Callable[[Script], Steps]) -> tuple[Script, list[BaseException | None]]:
    """Start a script; the list fills with how it ended."""
    ends: list[BaseException | None] = []
    script = Script(steps, ends.append)
    script.start()
    return script, ends


def test_answers_come_back_in_order() -> None:
    """The set-up of the client would declare with the wrong channel, or stop half-way."""
    seen: list[Any] = []

    def steps(_script: Script) -> Steps:
        seen.append((yield lambda done: done("at once")))
        seen.append((yield calls))

    calls = Calls()
    _script, ends = run(steps)
    assert not ends
    calls.open[0]("later")
    assert seen == ["at once", "later"]
    assert ends == [None]


def test_a_failure_is_raised_where_the_script_waits_and_a_late_answer_is_ignored() -> None:
    """A channel closed for one refusal would end the whole set-up, or a late answer disturb it."""
    seen: list[Any] = []

    def steps(_script: Script) -> Steps:
        try:
            yield calls
        except RuntimeError as error:
            seen.append(str(error))
        seen.append((yield calls))

    calls = Calls()
    script, ends = run(steps)
    script.fail(RuntimeError("closed"))
    calls.open[0]("too late")
    assert not ends
    calls.open[1]("second")
    assert seen == ["closed", "second"]
    script.fail(RuntimeError("after the end"))
    assert ends == [None]


def test_a_call_that_raises_and_a_step_that_raises_end_it_once() -> None:
    """An error while setting up would vanish, and every submit time out without a reason."""

    def refuse(_done: Done) -> None:
        raise OSError("no channel")

    def steps(_script: Script) -> Steps:
        yield refuse

    _script, ends = run(steps)
    assert [str(end) for end in ends] == ["no channel"]


def test_a_cancelled_script_is_silent() -> None:
    """A connection that was given up would go on with the set-up of the next one."""

    def steps(_script: Script) -> Steps:
        yield calls

    calls = Calls()
    script, ends = run(steps)
    script.cancel()
    calls.open[0]("answer")
    script.fail(RuntimeError("closed"))
    assert not ends
