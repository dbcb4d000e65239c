"""The way back from the dead-letter queue: look at the letters, bring them back as jobs, or delete them.

    look("amqp://...", LetterFilter(reasons={"timeout"}), lambda letter, message: print(letter.job_id))
    redrive("amqp://...", LetterFilter(lanes={"default"}), limit=100)

Each call is one connection on the calling thread; only one at a time works on a prefix. Letters are
fetched one by one; each that is not taken goes back to its place, also when this process dies.
A letter is brought back at least once: it is acknowledged only when the broker has confirmed the job, so
whatever happens in between leaves it in both places. Both then give the same job with the same redrive
number, which a daemon runs once and a client takes one answer of.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ingestkit_pdf._deployment import DEFAULT_PREFIX, check_lane
from ingestkit_pdf.execution._client.confirmed_publisher import ConfirmedPublisher
from ingestkit_pdf.execution._client.one_shot import OneShotConnection
from ingestkit_pdf.execution._client.queue_browser import QueueBrowser, QueueInUseError
from ingestkit_pdf.execution._client.script import Script, Steps
from ingestkit_pdf.execution.letter_filter import LetterFilter
from ingestkit_pdf.execution.letter_reasons import explain
from ingestkit_pdf.execution.tls import BrokerTLS
from ingestkit_pdf.wire.envelope import InvalidMessageError, Message, decode_job, redriven_message
from ingestkit_pdf.wire.letter import BrokerDeath, Letter, read_letter
from ingestkit_pdf.wire.topology import Topology

__all__ = [
    "BrokerDeath",
    "Letter",
    "LetterFilter",
    "QueueInUseError",
    "Tally",
    "explain",
    "look",
    "purge",
    "redrive",
]

Stop = Callable[[], bool]


@dataclass(slots=True)
class Tally:
    """What a call has done so far.

    Attributes:
        seen: Letters looked at.
        done: Letters that were shown, brought back or deleted (with `dry_run`: would be).
        left: Letters that were meant and had to stay, by reason.
        interrupted: True when `stop` ended it.
    """

    seen: int = 0
    done: int = 0
    left: Counter[str] = field(default_factory=Counter)
    interrupted: bool = False


def look(
    url: str,
    wanted: LetterFilter,
    show: Callable[[Letter, Message], None],
    *,
    prefix: str = DEFAULT_PREFIX,
    timeout: float = 30.0,
    tls: BrokerTLS | None = None,
    stop: Stop = lambda: False,
) -> Tally:
    """Show each letter that is wanted, with its message. Nothing is changed.

    Raises:
        ValueError: `url` or `prefix` is not one, or a file of `tls` cannot be used.
        ConnectionError: The broker is not there, refuses, or has not answered for `timeout` seconds.
        QueueInUseError: Somebody else has been looking at them for so long.
    """
    tally = Tally()

    def handle(letter: Letter, message: Message) -> Steps:
        show(letter, message)
        tally.done += 1
        return False
        yield

    _Pass(url, prefix, wanted, tally, timeout=timeout, tls=tls, stop=stop).run(handle)
    return tally


def redrive(
    url: str,
    wanted: LetterFilter,
    *,
    prefix: str = DEFAULT_PREFIX,
    to_lane: str | None = None,
    limit: int | None = None,
    force: bool = False,
    dry_run: bool = False,
    timeout: float = 30.0,
    tls: BrokerTLS | None = None,
    stop: Stop = lambda: False,
    show: Callable[[Letter, str | None], None] = lambda _letter, _problem: None,
    tally: Tally | None = None,
) -> Tally:
    """Bring letters back as jobs, one after the other, each acknowledged once its job is confirmed.

    Args:
        url: AMQP URL.
        wanted: Which letters.
        prefix: Of exchanges and queues.
        to_lane: Lane to submit them to, instead of the lane each came from.
        limit: Maximum number of dead letters.
        force: Include messages that are not valid jobs (a daemon will park them again).
        dry_run: Only say what would be done.
        timeout: Seconds to wait for any one answer of the broker.
        tls: For `amqps://`.
        stop: Called between two letters; True ends the call there, with nothing in doubt.
        show: Called for each letter, with None if it was redriven, else with the reason why not.
        tally: Updated on the way, to show after an exception how far the call came.

    Raises:
        ValueError: `url`, `prefix` or `to_lane` is not one, or a file of `tls` cannot be used.
        ConnectionError: The broker is not there, refuses, has not answered in time or was lost on the way;
            at most one letter is then in both places.
        QueueInUseError: Somebody else is looking at the letters.
    """
    tally = Tally() if tally is None else tally
    topology = Topology(prefix)
    if to_lane is not None:
        check_lane(to_lane)
    one_pass = _Pass(url, prefix, wanted, tally, timeout=timeout, tls=tls, stop=stop, limit=limit)
    publisher = None if dry_run else ConfirmedPublisher(one_pass.one_shot, topology.jobs_exchange.name)
    back = _WayBack(topology, publisher, to_lane=to_lane, force=force)

    def handle(letter: Letter, message: Message) -> Steps:
        if back.was_moved(letter):
            return False  # it has failed again already; once is enough for one call
        problem = yield from back.move(letter, message)
        if problem is None:
            tally.done += 1
        else:
            tally.left[problem] += 1
        show(letter, problem)
        return problem is None and not dry_run

    one_pass.run(handle, publisher)
    return tally


def purge(
    url: str,
    wanted: LetterFilter,
    *,
    prefix: str = DEFAULT_PREFIX,
    limit: int | None = None,
    dry_run: bool = False,
    timeout: float = 30.0,
    tls: BrokerTLS | None = None,
    stop: Stop = lambda: False,
    tally: Tally | None = None,
) -> Tally:
    """Delete letters, at most `limit` of them. Clients are not informed: they were when the jobs were parked.

    Raises:
        ValueError: `url` or `prefix` is not one, or a file of `tls` cannot be used.
        ConnectionError: As `redrive`; what was deleted by then is.
        QueueInUseError: Somebody else is looking at the letters.
    """
    tally = Tally() if tally is None else tally

    def handle(_letter: Letter, _message: Message) -> Steps:
        tally.done += 1
        return not dry_run
        yield

    _Pass(url, prefix, wanted, tally, timeout=timeout, tls=tls, stop=stop, limit=limit).run(handle)
    return tally


class _Pass:
    """One pass over the letters, in the order of the broker.

    `handle` is a script's steps for one letter that is wanted; True when it is to be taken off the queue.
    """

    def __init__(
        self,
        url: str,
        prefix: str,
        wanted: LetterFilter,
        tally: Tally,
        *,
        timeout: float,
        tls: BrokerTLS | None,
        stop: Stop,
        limit: int | None = None,
    ) -> None:
        self._topology = Topology(prefix)
        self._timeout = timeout
        self._wanted = wanted
        self._tally = tally
        self._stop = stop
        self._limit = limit
        self.one_shot = OneShotConnection(url, name="ingestkit-pdf dead", timeout=timeout, tls=tls)

    def run(
        self, handle: Callable[[Letter, Message], Steps], publisher: ConfirmedPublisher | None = None
    ) -> None:
        """Connect, pass over the letters, and put back what was not taken."""

        def steps(connection: Any, script: Script) -> Steps:
            try:
                yield from self.one_shot.lock(connection, script, self._topology.dead_lock, self._timeout)
            except QueueInUseError as error:
                busy = "another command is looking at the dead letters; try again when it has ended"
                raise QueueInUseError(busy) from error
            browser = QueueBrowser(self.one_shot, self._topology.dead_queue)
            if not (yield from browser.open(connection, script)):
                return
            if publisher is not None:
                yield from publisher.open(connection, script)
            yield from self._go_over(browser, handle)
            yield from browser.put_back()

        self.one_shot.run(steps)

    def _go_over(self, browser: QueueBrowser, handle: Callable[[Letter, Message], Steps]) -> Steps:
        tally = self._tally
        while self._limit is None or tally.done < self._limit:
            if self._stop():
                tally.interrupted = True
                return
            found = yield from browser.get()
            if found is None:
                return
            tally.seen += 1
            letter = read_letter(found.message, self._topology.prefix)
            if self._wanted.matches(letter) and (yield from handle(letter, found.message)):
                browser.take(found)


class _WayBack:
    """Publishes letters as jobs again; without a publisher it only finds out which could be."""

    def __init__(
        self, topology: Topology, publisher: ConfirmedPublisher | None, *, to_lane: str | None, force: bool
    ) -> None:
        self._topology = topology
        self._publisher = publisher
        self._to_lane = to_lane
        self._force = force
        self._closed: dict[str, str] = {}  # lanes that take nothing now
        self._moved: set[tuple[str | None, int]] = set()

    def was_moved(self, letter: Letter) -> bool:
        """True for a job that this has brought back, and that is here again."""
        return (letter.job_id, letter.redrives) in self._moved

    def move(self, letter: Letter, message: Message) -> Steps:
        """Bring a letter back; None once the broker has the job, else why it must stay."""
        lane = self._to_lane or letter.lane
        problem = None if self._force else _obstacle(message, self._topology)
        if problem is None and lane is None:
            problem = "the lane it came from is unknown (--to-lane names one)"
        if problem is None and lane is not None:
            if self._publisher is not None and lane not in self._closed:
                refused = yield from self._publisher.publish(redriven_message(message), lane)
                if refused is not None:
                    self._closed[lane] = refused
            problem = self._closed.get(lane)
        if problem is None:
            self._moved.add((letter.job_id, letter.redrives + 1))
        return problem


def _obstacle(message: Message, topology: Topology) -> str | None:
    """Why this letter is not a valid job; None when it is."""
    try:
        decode_job(redriven_message(message), topology, inline_limit=sys.maxsize)
    except InvalidMessageError as error:
        return f"not a valid job ({error}); only --force redrives it"
    return None
