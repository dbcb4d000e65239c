"""The memory of what was just finished, and the wait between two tries."""

from __future__ import annotations

import pytest

from ingestkit_pdf.backoff import Backoff
from ingestkit_pdf.wire.envelope import Message
from ingestkit_pdfd.recent import Finished, RecentAttempts


def finished(size: int) -> Finished:
    return Finished(0.0, [Message(body=b"x" * size)])


def test_the_oldest_go_first_when_the_memory_is_full() -> None:
    """The daemon's memory would grow with every job it finishes."""
    recent = RecentAttempts(limit=4000)
    for number in range(10):
        recent.add((f"job-{number}", 0, 1), finished(1000))
    known = [recent.get((f"job-{number}", 0, 1)) for number in range(10)]
    assert [number for number, entry in enumerate(known) if entry and entry.replies] == [6, 7, 8, 9]
    assert all(known), "that they were answered is known"


def test_of_an_answer_larger_than_the_memory_it_is_known_that_it_was_given() -> None:
    """One huge result would push the limit aside, or be made again for a lost acknowledgement."""
    recent = RecentAttempts(limit=4000)
    recent.add(("small", 0, 1), finished(1000))
    recent.add(("huge", 0, 1), finished(10_000))
    assert recent.get(("huge", 0, 1)) == Finished(0.0)
    recent.add(("small", 0, 1), finished(4000))
    assert recent.get(("small", 0, 1)) == finished(4000)


def test_attempts_are_forgotten_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon's memory would grow with every job it finishes."""
    monkeypatch.setattr("ingestkit_pdfd.recent._ATTEMPTS", 3)
    recent = RecentAttempts(limit=4000)
    for number in range(5):
        recent.add((f"job-{number}", 0, 1), finished(10 * number))
    known = [number for number in range(5) if recent.get((f"job-{number}", 0, 1))]
    assert known == [2, 3, 4]


def test_attempts_of_one_job_are_told_apart() -> None:
    """The late redelivery of a first attempt would swallow the second, or a redrive its new attempt."""
    recent = RecentAttempts(limit=4000)
    recent.add(("job", 0, 1), Finished(0.0))
    assert recent.get(("job", 0, 1)) == Finished(0.0)
    assert recent.get(("job", 0, 2)) is None
    assert recent.get(("job", 1, 1)) is None


def test_an_entry_that_is_replaced_is_counted_once() -> None:
    """The accounting would drift until nothing is remembered any more."""
    recent = RecentAttempts(limit=4000)
    for _ in range(50):
        recent.add(("job", 0, 1), finished(1000))
    recent.add(("other", 0, 1), finished(1000))
    assert recent.get(("job", 0, 1)) is not None
    assert recent.get(("other", 0, 1)) is not None


def test_the_backoff_grows_to_its_limit_and_begins_again() -> None:
    """A broker that is away would be asked in a hot loop, or only after ever longer waits."""
    backoff = Backoff(first=0.2, limit=5.0)
    waits = [backoff.next() for _ in range(60)]
    assert 0.1 <= waits[0] <= 0.2
    assert all(2.5 <= wait <= 5.0 for wait in waits[5:])
    backoff.reset()
    assert backoff.next() <= 0.2
