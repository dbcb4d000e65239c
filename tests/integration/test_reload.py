"""SIGHUP: settings that change while the daemon runs, and wrong ones that change nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestkit_pdf import DistributedExecutionBackend, PDFProcessorConfig
from support.daemon import DaemonProcess
from support.documents import text_pdf
from support.web import get, samples

pytestmark = pytest.mark.broker

CONFIG = PDFProcessorConfig()
GAUGE = "ingestkit_pdfd_settings_last_reload_successful"


class Reloadable:
    """A daemon, and the file with its settings."""

    def __init__(self, daemon: DaemonProcess, file: Path) -> None:
        self.daemon = daemon
        self.file = file
        (line,) = daemon.wait_for("status_served")
        self._url = f"http://127.0.0.1:{line['port']}/metrics"

    def reload(self, text: str) -> None:
        self.file.write_text(text)
        self.daemon.process.send_signal(signal.SIGHUP)

    def gauge(self) -> float:
        return samples(get(self._url)[1])[GAUGE]


@pytest.fixture
def reloadable(amqp_url: str, tmp_path: Path) -> Iterator[Reloadable]:
    file = tmp_path / "config.toml"
    file.write_text("")
    with DaemonProcess(amqp_url, tmp_path, http_port=0, config=str(file)) as daemon:
        yield Reloadable(daemon, file)


def test_a_reload_changes_what_it_can_and_says_what_it_cannot(
    reloadable: Reloadable, amqp_url: str, tmp_path: Path
) -> None:
    """Otherwise a folder or a limit could only be changed by a restart, which drains first."""
    daemon = reloadable.daemon
    path = tmp_path / "a.pdf"
    path.write_bytes(text_pdf("words"))
    pids = {worker.pid for worker in daemon.workers()}
    with DistributedExecutionBackend(amqp_url, inline_limit=0) as backend:
        refused = backend.get_result(backend.submit(str(path), CONFIG), timeout=30)
        assert refused.errors == ["E_SOURCE_FORBIDDEN"]
        lines = [f'allowed_roots = ["{tmp_path}"]', "prefetch = 3", 'lanes = ["other"]']
        reloadable.reload("\n".join([*lines, 'log_levels = { broker = "error" }']))
        (line,) = daemon.wait_for("settings_reloaded")
        assert line["applied"] == ["allowed_roots", "log_levels"]
        assert line["at_next_connection"] == ["prefetch"]
        assert line["need_restart"] == ["lanes"]
        assert backend.get_result(backend.submit(str(path), CONFIG), timeout=30).errors == []
    assert reloadable.gauge() == 1
    assert {worker.pid for worker in daemon.workers()} == pids


def test_wrong_settings_change_nothing_and_are_seen(
    reloadable: Reloadable, amqp_url: str, tmp_path: Path
) -> None:
    """Otherwise a typing mistake would take the daemon down, or be in use without anybody noticing."""
    daemon = reloadable.daemon
    reloadable.reload(f'allowed_roots = ["{tmp_path}"]\ndocument_timeot = 3')
    (line,) = daemon.wait_for("reload_refused")
    assert "did you mean 'document_timeout'" in line["problems"][0]
    assert reloadable.gauge() == 0
    path = tmp_path / "a.pdf"
    path.write_bytes(text_pdf("words"))
    with DistributedExecutionBackend(amqp_url) as backend:
        assert backend.get_result(backend.submit(str(path), CONFIG), timeout=30).errors == []
    reloadable.reload("document_timeout = 30")
    daemon.wait_for("settings_reloaded", applied=["document_timeout"])
    assert reloadable.gauge() == 1


def test_settings_that_contradict_those_that_stay_are_refused(reloadable: Reloadable) -> None:
    """Otherwise the broker would take deliveries away from a daemon that holds them too long."""
    reloadable.reload("workers = 64\nprefetch = 200\ndocument_timeout = 500.0")
    (line,) = reloadable.daemon.wait_for("reload_refused")
    assert "consumer_timeout" in line["problems"][0]


def test_a_level_of_one_subsystem_counts_at_once(reloadable: Reloadable, amqp_url: str) -> None:
    """Otherwise the log could be turned up only as a whole, and only by a restart."""
    daemon = reloadable.daemon
    reloadable.reload('log_levels = { jobs = "error" }')
    daemon.wait_for("settings_reloaded")
    with DistributedExecutionBackend(amqp_url) as backend:
        backend.get_result(backend.submit(__file__, CONFIG), timeout=30)
    reloadable.reload('log_levels = { libraries = "debug" }')
    daemon.wait_for("settings_reloaded", count=2)
    with DistributedExecutionBackend(amqp_url) as backend:
        job = backend.submit(__file__, CONFIG)
        backend.get_result(job, timeout=30)
    daemon.wait_for("attempt_finished", job_id=job)
    assert len(daemon.logged("attempt_finished")) == 1


def test_the_reload_command_says_what_is_wrong(reloadable: Reloadable) -> None:
    """Otherwise `systemctl reload` would succeed, and the new settings not be in use."""
    pid = str(reloadable.daemon.process.pid)
    command = [sys.executable, "-m", "ingestkit_pdfd", "reload", "--config", str(reloadable.file)]
    environment = {"INGESTKIT_PDFD_LOG_LEVEL": "info"}
    reloadable.file.write_text("worker = 3")
    refused = subprocess.run(
        [*command, pid], capture_output=True, text=True, timeout=30, check=False, env=environment
    )
    assert (refused.returncode, "did you mean 'workers'" in refused.stderr) == (2, True)
    reloadable.daemon.wait_for("reload_refused")
    gone = subprocess.run([*command, "4194304"], capture_output=True, text=True, timeout=30, check=False)
    assert (gone.returncode, gone.stderr) == (1, "ingestkit-pdfd: process 4194304: No such process\n")
