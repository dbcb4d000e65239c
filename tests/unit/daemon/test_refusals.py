"""When the daemon gives up on a broker that says no, and when it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ingestkit_pdfd.amqp import BrokerRefusedError
from ingestkit_pdfd.metrics import Metrics
from ingestkit_pdfd.refusals import Refusals

NO = BrokerRefusedError("access refused")


def gives_up(play: Callable[[Callable[..., None], Refusals], None]) -> bool:
    """Whether it would end the daemon, after what `play` has happen."""

    async def main() -> bool:
        now = 1000.0

        def refuse(after: float = 0.0, times: int = 1) -> None:
            nonlocal now
            for _ in range(times):
                now += after
                refusals.add("dead", NO)

        refusals = Refusals(lambda: "broker", Metrics(["default"]), clock=lambda: now)
        play(refuse, refusals)
        return refusals.final.done()

    return asyncio.run(main())


def test_three_refusals_within_some_seconds_are_enough_at_the_start() -> None:
    """A wrong password would be tried for ever, or one refusal of a broker that just starts would end it."""
    assert gives_up(lambda refuse, _: refuse(after=2.5, times=3))
    assert not gives_up(lambda refuse, _: refuse(after=2.5, times=2))
    assert not gives_up(lambda refuse, _: refuse(after=0.1, times=10))


def test_refusals_of_long_ago_are_forgotten() -> None:
    """A daemon that has run for months would end at the third refusal of its life."""
    assert not gives_up(lambda refuse, _: refuse(after=100, times=20))


def test_a_broker_that_takes_the_daemon_meanwhile_is_counted_anew() -> None:
    """Refusals between which all was well would end a daemon."""

    def play(refuse: Callable[..., None], refusals: Refusals) -> None:
        refuse(after=2.5, times=2)
        refusals.accepted("dead")
        refuse(after=2.5, times=2)

    assert not gives_up(play)


def test_what_the_broker_takes_elsewhere_does_not_count() -> None:
    """A busy daemon would never notice that a queue of its own is gone: results go on being taken."""

    def play(refuse: Callable[..., None], refusals: Refusals) -> None:
        for _ in range(3):
            refuse(after=2.5)
            refusals.accepted("replies")

    assert gives_up(play)
