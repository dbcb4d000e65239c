"""Limits of the broker beside those of the daemon."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingestkit_pdfd.check_broker import limits
from ingestkit_pdfd.memory import memory_here
from ingestkit_pdfd.settings import DaemonSettings

MIB = 1024 * 1024


def problems(
    version: tuple[int, ...], largest: int | None = None, memory: int = 2**40, **settings: Any
) -> list[tuple[str, bool]]:
    """What is wrong, and whether the daemon cannot work with it."""
    found = list(limits(DaemonSettings(**settings), version, largest, memory))
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


def test_messages_that_fill_the_memory_are_worth_a_warning() -> None:
    """A few large messages, of anybody who may publish, would have the kernel end the daemon."""
    too_much = [("memory of deliveries", False)]
    many = {"prefetch": 10, "lanes": ["a", "b"], "document_timeout": 10}
    assert problems((3, 10, 8), memory=20 * 128 * MIB, **many) == []
    assert problems((3, 10, 8), memory=20 * 128 * MIB - 1, **many) == too_much
    assert problems((4, 0, 5), memory=20 * 16 * MIB, **many) == []
    assert problems((4, 0, 5), memory=20 * 16 * MIB - 1, **many) == too_much
    assert problems((3, 10, 8), largest=MIB, memory=20 * MIB, **many) == [("message size", False)]


def test_the_memory_is_that_of_the_control_group(tmp_path: Path) -> None:
    """A container would be taken for the machine it runs on, and the limits for well."""
    own, groups = tmp_path / "cgroup", tmp_path / "groups"
    (groups / "system.slice/unit").mkdir(parents=True)
    own.write_text("1:name=systemd:/x\n0::/system.slice/unit\n")
    host = memory_here(own, groups)
    assert host == memory_here(tmp_path / "none", groups) > 0
    (groups / "system.slice/unit/memory.max").write_text("max\n")
    assert memory_here(own, groups) == host
    (groups / "system.slice/memory.max").write_text("12345\n")
    assert memory_here(own, groups) == 12345
