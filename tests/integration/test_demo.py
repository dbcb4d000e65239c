"""The demonstration as a newcomer runs it, through a broker that is running already."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from demo import leftovers
from demo.broker import PrivateBroker
from demo.management import vhost_of

pytestmark = pytest.mark.broker

DEPLOY = Path(leftovers.__file__).parents[1]
TIMEOUT = 120


def start(folder: Path, *arguments: str, amqp_url: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "demo.demo", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(DEPLOY), "AMQP_URL": amqp_url},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def declared(broker: PrivateBroker, amqp_url: str) -> list[str]:
    """Our queues and exchanges on the broker."""
    vhost = vhost_of(amqp_url)
    exchanges = broker.management.request("GET", f"/api/exchanges/{vhost}")
    names = [*broker.queue_counts(amqp_url), *(exchange["name"] for exchange in exchanges)]
    return [name for name in names if "ingestkit" in name]


def test_every_sample_is_answered_and_nothing_is_left(
    broker: PrivateBroker, amqp_url: str, tmp_path: Path
) -> None:
    """A newcomer's first command would fail, or leave queues on the broker that was lent to it."""
    demo = start(tmp_path, amqp_url=amqp_url)
    output, _ = demo.communicate(timeout=TIMEOUT)
    assert demo.returncode == 0, output
    assert "8 of 8 documents were answered" in output
    assert "failed: E_PARSE_CORRUPT" in output
    assert "failed: E_PARSE_PASSWORD" in output
    assert "stopped the daemon" in output
    markdown = (tmp_path / "build/demo/handbook.md").read_text(encoding="utf-8")
    assert "# Berths and moorings" in markdown
    assert declared(broker, amqp_url) == []


def test_own_files_and_two_of_the_same_name(amqp_url: str, tmp_path: Path) -> None:
    """A user's own document would not be taken, or overwrite the result of another."""
    for folder, text in (("a", b"%PDF-1.7\nfirst"), ("b", b"%PDF-1.7\nsecond")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.pdf").write_bytes(text)
    demo = start(tmp_path, "a/mine.pdf", "b/mine.pdf", amqp_url=amqp_url)
    output, _ = demo.communicate(timeout=TIMEOUT)
    assert demo.returncode == 0, output
    assert "2 of 2 documents were answered" in output
    assert sorted(path.name for path in (tmp_path / "build/demo").glob("*.json")) == [
        "mine-2.json",
        "mine.json",
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda s: s.name)
def test_a_signal_stops_everything(
    broker: PrivateBroker, amqp_url: str, tmp_path: Path, number: signal.Signals
) -> None:
    """Ctrl-C would leave a daemon running and queues declared."""
    demo = start(tmp_path, amqp_url=amqp_url)
    assert demo.stdout is not None
    seen = []
    for line in demo.stdout:  # ends at the end of the output, at the latest
        seen.append(line)
        if "the daemon takes jobs" in line:
            break
    family = psutil.Process(demo.pid).children(recursive=True)
    assert family, "".join(seen)
    demo.send_signal(number)
    output, _ = demo.communicate(timeout=TIMEOUT)
    assert demo.returncode == 128 + number, output
    assert f"interrupted by {number.name}" in output
    assert "stopped the daemon" in output
    gone, alive = psutil.wait_procs(family, timeout=10)
    assert len(gone) == len(family), alive
    assert declared(broker, amqp_url) == []


def test_a_broker_that_is_not_there_is_named_without_its_password(tmp_path: Path) -> None:
    """A wrong AMQP_URL would show a traceback, or the password."""
    demo = start(tmp_path, amqp_url="amqp://someone:secret@127.0.0.1:1/")
    output, _ = demo.communicate(timeout=TIMEOUT)
    assert demo.returncode == 1
    assert "AMQP_URL names cannot be used" in output
    assert "refused" in output
    assert "secret" not in output
    assert "Traceback" not in output


def test_a_file_that_is_not_there_is_named_at_once(tmp_path: Path) -> None:
    """A typing error would show only after everything was started."""
    demo = start(tmp_path, "missing.pdf", amqp_url="amqp://127.0.0.1:1/")
    output, _ = demo.communicate(timeout=TIMEOUT)
    assert demo.returncode == 2
    assert "no such file: missing.pdf" in output
