"""`ingestkit-pdf cancel` and `watch` as a user runs them, against a real broker and a real daemon."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ingestkit_pdf import DistributedExecutionBackend, ErrorCode, PDFProcessorConfig
from support.daemon import DaemonProcess
from support.documents import endless_pdf, text_pdf

pytestmark = pytest.mark.broker

COMMAND = [str(Path(sys.executable).with_name("ingestkit-pdf"))]
CONFIG = PDFProcessorConfig()


def start(url: str, *arguments: str) -> subprocess.Popen[str]:
    """Start the command with the broker in its environment."""
    environment = {**os.environ, "AMQP_URL": url, "TZ": "UTC"}
    return subprocess.Popen(
        [*COMMAND, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def run(url: str, *arguments: str) -> tuple[int | None, str, str]:
    """Exit code, standard output and standard error of the command."""
    with start(url, *arguments) as process:
        out, error = process.communicate(timeout=60)
        return process.returncode, out, error


def test_one_terminal_watches_and_another_cancels(amqp_url: str, tmp_path: Path) -> None:
    """An operator could neither see nor end a job that another program has submitted."""
    endless, short = tmp_path / "endless.pdf", tmp_path / "short.pdf"
    endless.write_bytes(endless_pdf())
    short.write_bytes(text_pdf("A page."))
    with (
        DaemonProcess(amqp_url, tmp_path),
        DistributedExecutionBackend(amqp_url, client_id="alice") as client,
    ):
        job_id = client.submit(str(endless), CONFIG)
        with start(amqp_url, "watch", "--client-id", "alice", "--json", job_id) as watching:
            assert watching.stdout is not None
            assert json.loads(watching.stdout.readline())["event"] == "started"
            code, out, error = run(amqp_url, "cancel", "--client-id", "alice", job_id)
            assert (code, out, error) == (0, f"{job_id}\trequested\n", "")
            lines = [json.loads(line) for line in watching.stdout]
            assert watching.wait(30) == 1
        assert (lines[-1]["event"], lines[-1]["outcome"]) == ("finished", "cancelled")
        assert client.get_result(job_id, timeout=30).errors == [ErrorCode.E_EXECUTION_CANCELLED]

        job_id = client.submit(str(short), CONFIG)
        assert client.get_result(job_id, timeout=30).succeeded
        code, out, error = run(amqp_url, "watch", "--client-id", "alice", job_id)
        assert (code, error) == (0, "")
        assert out.split("\t")[1:] == [job_id, "completed, 1 page\n"]


def test_what_nobody_hears_or_tells_is_an_error(amqp_url: str) -> None:
    """Somebody would think that a job is cancelled, or watch for ever a job that nobody has."""
    code, out, error = run(amqp_url, "cancel", "--client-id", "alice", "a-job")
    assert (code, out) == (1, "")
    assert "no daemon hears requests" in error
    code, out, error = run(amqp_url, "watch", "--client-id", "alice", "--timeout", "1", "a-job")
    assert (code, out) == (1, "")
    assert "E_EXECUTION_TIMEOUT" in error
