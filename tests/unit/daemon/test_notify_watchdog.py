"""What systemd is told: only what is proven, and nothing once the proof is missing."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from ingestkit_pdfd.consuming import patience
from ingestkit_pdfd.notify import notify
from ingestkit_pdfd.settings import DaemonSettings
from ingestkit_pdfd.watchdog import Watchdog, Work, beat_period

PATIENCE = 60.0


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Manager:
    """A watchdog, and what it would have told systemd."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.work = Work(0, 0, 0)
        self.stuck: str | None = None
        self.sent: list[tuple[str, ...]] = []
        self.watchdog = Watchdog(
            "default",
            PATIENCE,
            work=lambda: self.work,
            stuck=lambda: self.stuck,
            send=lambda *lines: self.sent.append(lines),
            clock=self.clock,
        )

    def beat(self, after: float = 0.0) -> dict[str, str]:
        """Let time pass and have one report made; its assignments."""
        self.clock.now += after
        self.watchdog.beat()
        return dict(line.split("=", 1) for line in self.sent[-1])


@pytest.fixture
def manager() -> Manager:
    """One of each test's own."""
    return Manager()


def test_notify_sends_the_lines_as_one_datagram(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise systemd would hear nothing, and kill a daemon that is well."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        notify("READY=1", "STATUS=well")
        assert manager.recv(100) == b"READY=1\nSTATUS=well"


@pytest.mark.parametrize("address", ["", "nowhere", "/nowhere/notify"])
def test_notify_is_silent_where_nobody_listens(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the daemon would not run in a container or a terminal."""
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify("READY=1")
    assert os.environ["NOTIFY_SOCKET"] == address


def test_ready_is_said_once_and_only_when_the_broker_sees_the_consumers(manager: Manager) -> None:
    """Otherwise units that are ordered after the daemon would start while nobody takes jobs."""
    manager.beat()
    manager.watchdog.broker_away("connection refused")
    assert not any("READY=1" in lines for lines in manager.sent)
    manager.watchdog.consumers_confirmed()
    manager.watchdog.consumers_confirmed()
    assert sum("READY=1" in lines for lines in manager.sent) == 1


def test_a_start_without_a_broker_asks_for_more_time_as_long_as_it_is_dialled(manager: Manager) -> None:
    """Otherwise systemd would kill the unit after TimeoutStartSec, over a broker that is just restarting."""
    for _ in range(20):
        manager.clock.now += PATIENCE / 2
        manager.watchdog.broker_away("connection refused")
        said = manager.beat()
        assert said["EXTEND_TIMEOUT_USEC"] == "30000000"
        assert "connection refused" in said["STATUS"]


def test_a_ready_daemon_asks_for_no_more_time(manager: Manager) -> None:
    """Otherwise every limit of the unit would be put off for ever."""
    manager.watchdog.consumers_confirmed()
    assert "EXTEND_TIMEOUT_USEC" not in manager.beat()


def test_without_word_of_the_broker_there_is_no_sign_of_life(manager: Manager) -> None:
    """Otherwise a daemon that hangs in its connection would look well for ever."""
    manager.watchdog.consumers_confirmed()
    assert "WATCHDOG" in manager.beat(after=PATIENCE - 1)
    said = manager.beat(after=2)
    assert "WATCHDOG" not in said
    assert "no word of the broker" in said["STATUS"]
    manager.watchdog.consumers_confirmed()
    assert "WATCHDOG" in manager.beat()


def test_a_stuck_pool_ends_the_signs_of_life(manager: Manager) -> None:
    """Otherwise a daemon whose workers never answer would hold its jobs for ever."""
    manager.watchdog.consumers_confirmed()
    manager.stuck = "1 of 2 workers are stuck"
    said = manager.beat()
    assert "WATCHDOG" not in said
    assert "stuck" in said["STATUS"]


def test_draining_has_its_limit_and_more_time_until_then(manager: Manager) -> None:
    """Otherwise systemd would cut a long drain short, or wait for one that never ends."""
    manager.watchdog.consumers_confirmed()
    manager.watchdog.draining(300.0)
    assert "STOPPING=1" in manager.sent[-1]
    said = manager.beat(after=299)
    assert said["WATCHDOG"] == "1"
    assert said["EXTEND_TIMEOUT_USEC"] == "30000000"
    assert "WATCHDOG" not in manager.beat(after=2)


def test_draining_is_not_left_again(manager: Manager) -> None:
    """Otherwise a connection that drops while draining would make the status, and the limit, wrong."""
    manager.watchdog.draining(10.0)
    manager.watchdog.broker_away("connection lost")
    manager.watchdog.consumers_confirmed()
    assert manager.beat()["STATUS"].startswith("draining")


def test_the_status_tells_how_many_and_how_fast(manager: Manager) -> None:
    """Otherwise `systemctl status` could not answer whether the daemon keeps up."""
    manager.watchdog.consumers_confirmed()
    for second in range(1, 121):
        manager.clock.now += 1
        manager.work = Work(answered=2 * second, running=3, waiting=4)
        manager.watchdog.consumers_confirmed()
        manager.watchdog.beat()
    assert manager.beat()["STATUS"] == (
        "consuming default: 240 documents answered, 120.0 a minute; 3 running, 4 waiting"
    )


def test_more_lanes_are_given_more_time() -> None:
    """Otherwise a daemon with many lanes would be killed while a slow broker answers for each of them."""
    lanes = [f"lane-{number}" for number in range(20)]
    one, many = DaemonSettings(), DaemonSettings(lanes=lanes, document_timeout=20)
    assert patience(one) == 60.0
    # A verification of every lane, each answer just in time, and the pause before it.
    assert patience(many) > 2 * (20 * many.connect_timeout + 10.0)


@pytest.mark.parametrize(
    ("allowed", "period"), [("3000000", 1.0), ("60000000", 5.0), ("", 5.0), ("never", 5.0)]
)
def test_reports_come_well_within_what_systemd_waits(allowed: str, period: float) -> None:
    """Otherwise a unit with a short WatchdogSec would be killed between two reports."""
    assert beat_period({"WATCHDOG_USEC": allowed}) == period
