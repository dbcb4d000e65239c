"""The host misbehaves: its disk is full, its clock jumps, the daemon is stopped."""

from __future__ import annotations

import contextlib
import ctypes.util
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.daemon import DaemonProcess
from support.ledger import Ledger

pytestmark = [pytest.mark.broker, pytest.mark.slow]

HEARTBEAT = 3
JOBS = 500


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_costs_time_and_no_job(
    amqp_url: str, open_ledger: Callable[..., Ledger], small_disk: Path
) -> None:
    """Documents that cannot be staged would crash the daemon or be lost."""
    ledger = open_ledger(amqp_url)
    filler = small_disk / "filler"
    with DaemonProcess(amqp_url, small_disk) as daemon:
        feeding = threading.Thread(target=ledger.submit, args=(JOBS,))
        feeding.start()
        daemon.wait_for("attempt_finished", count=50)
        while len(retried := daemon.logged("attempt_finished", outcome="retried")) < 20:
            with contextlib.suppress(OSError), filler.open("ab", buffering=0) as file:
                file.write(bytes(2**20))
        filler.unlink()
        assert {line["code"] for line in retried} == {"E_SOURCE_UNAVAILABLE"}
        feeding.join()
        ledger.settle(timeout=240)
    ledger.assert_balanced(amqp_url)
    assert list(small_disk.iterdir()) == []


def test_a_stopped_daemon_recovers_and_its_jobs_run_elsewhere_meanwhile(
    amqp_url: str, open_ledger: Callable[..., Ledger], staging: Path
) -> None:
    """A machine that sleeps or is suspended would keep its jobs for ever, or come back without a consumer."""
    ledger = open_ledger(amqp_url)
    with DaemonProcess(amqp_url, staging, heartbeat=HEARTBEAT) as stopped:
        ledger.submit(JOBS)
        stopped.wait_for("attempt_finished", count=20)
        stopped.process.send_signal(signal.SIGSTOP)
        try:
            with DaemonProcess(amqp_url, staging):
                ledger.settle(timeout=120)
            time.sleep(4 * HEARTBEAT)  # the length of the fault
        finally:
            stopped.process.send_signal(signal.SIGCONT)
        stopped.wait_for("daemon_ready", count=2)
        ledger.submit(50)
        ledger.settle(timeout=60)
    ledger.assert_balanced(amqp_url)


def test_a_clock_that_jumps_does_not_matter(
    amqp_url: str,
    open_ledger: Callable[..., Ledger],
    staging: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A corrected clock would end every deadline at once, or none for two hours."""
    library = ctypes.util.find_library("faketime") or _faketime()
    if library is None:
        pytest.skip("libfaketime is not installed (package faketime)")
    offset = tmp_path / "offset"
    offset.write_text("+0")
    monkeypatch.setenv("LD_PRELOAD", library)
    monkeypatch.setenv("FAKETIME_TIMESTAMP_FILE", str(offset))
    monkeypatch.setenv("FAKETIME_NO_CACHE", "1")
    monkeypatch.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")
    daemon = DaemonProcess(amqp_url, staging, heartbeat=HEARTBEAT)
    monkeypatch.delenv("LD_PRELOAD")
    ledger = open_ledger(amqp_url)
    with daemon:
        ledger.submit(JOBS)
        for jump in ("+2h", "-2h", "+0"):
            before = len(daemon.logged("attempt_finished"))
            daemon.wait_for("attempt_finished", count=before + 50)
            offset.write_text(jump)
        ledger.settle(timeout=120)
        hours = {line["timestamp"][11:13] for line in daemon.logged("attempt_finished")}
        assert len(hours) > 1, "the clock did not jump"
        assert daemon.logged("broker_lost") == []
        assert {line["outcome"] for line in daemon.logged("attempt_finished")} == {"completed"}
    ledger.assert_balanced(amqp_url)


def _faketime() -> str | None:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    return str(found[0]) if found else None
