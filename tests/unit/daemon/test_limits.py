"""Limits of the broker beside those of the daemon."""

from __future__ import annotations

from typing import Any

import pytest

from ingestkit_pdfd.check_broker import limits
from ingestkit_pdfd.settings import DaemonSettings


def problems(version: tuple[int, ...], largest: int | None = None, **settings: Any) -> list[tuple[str, bool]]:
    """What is wrong, and whether the daemon cannot work with it."""
    found = list(limits(DaemonSettings(**settings), version, largest))
    assert all(finding.remedy for finding in found if finding.problem)
    return [(finding.subject, finding.stops) for finding in found if finding.problem]


@pytest.mark.parametrize("version", [(3, 10, 8), (3, 13), (4, 0, 5), (4, 3), ()])
def test_the_defaults_fit_every_broker_that_is_supported(version: tuple[int, ...]) -> None:
    """A daemon with the settings it comes with would refuse to start."""
    assert problems(version) == []


@pytest.mark.parametrize("version", [(3, 9, 29), (3, 8), (2,)])
def test_a_broker_that_can_lose_dead_letters_is_refused(version: tuple[int, ...]) -> None:
    """Dead letters would be lost without a word, where at-least-once dead-lettering does not exist."""
    assert problems(version) == [(f"broker version {'.'.join(map(str, version))}", True)]


def test_the_broker_must_not_give_up_before_the_daemon_does() -> None:
    """A job that takes daemons down would vanish, and its client would wait for ever."""
    assert problems((4, 0, 5), max_deliveries=19) == []
    assert problems((4, 0, 5), max_deliveries=20) == [("delivery limit", True)]
    assert problems((4, 0, 5), max_deliveries=20, delivery_limit=50) == []
    assert problems((3, 10, 8), max_deliveries=1000) == []
    assert problems((3, 10, 8), max_deliveries=15, delivery_limit=15) == [("delivery limit", True)]


def test_small_messages_are_worth_a_warning() -> None:
    """Producers would find out one by one; or a daemon that can work would not start."""
    assert problems((4, 0, 5), largest=100_000) == [("message size", False)]
