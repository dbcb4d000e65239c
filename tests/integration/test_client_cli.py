"""`ingestkit-pdf submit` and `status` as a user runs them, against a real broker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.execution.distributed import DistributedExecutionBackend
from ingestkit_pdf.wire.envelope import PathSource
from support import amqp
from support.answering import Answering
from support.documents import text_pdf
from support.waiting import until

pytestmark = pytest.mark.broker

COMMAND = [str(Path(sys.executable).with_name("ingestkit-pdf"))]
JOBS = "ingestkit.pdf.jobs.default"


def run(url: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command with the broker in its environment."""
    environment = {**os.environ, "AMQP_URL": url, "NO_COLOR": "1", **variables}
    return subprocess.run(
        [*COMMAND, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def document(tmp_path: Path) -> str:
    """A small PDF file."""
    path = tmp_path / "report.pdf"
    path.write_bytes(text_pdf("A page."))
    return str(path)


def test_submit_prints_ids_whose_results_can_be_collected_later(amqp_url: str, document: str) -> None:
    """What a script submits could never be collected, since nobody would know under which name."""
    done = run(amqp_url, "submit", document, document)
    assert done.returncode == 0
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert [path for _, path in lines] == [document, document]
    client_id = done.stderr.split()[-1]
    with DistributedExecutionBackend(amqp_url, client_id=client_id) as heir, Answering(amqp_url):
        assert len(dict(heir.as_completed([job_id for job_id, _ in lines], timeout=10))) == 2


def test_submit_and_wait_shows_each_document_and_fails_with_the_worst(
    amqp_url: str, document: str, tmp_path: Path
) -> None:
    """A failed document would look like one that was read, on the screen or in the exit code."""
    with Answering(amqp_url):  # it answers that every document is empty
        done = run(amqp_url, "submit", "--wait", "--timeout", "20", document)
        lines = run(amqp_url, "submit", "--wait", "--json", "--client-id", "alice", document, document)
        target = tmp_path / "out"
        run(amqp_url, "submit", "--wait", "--format", "json", "--output", str(target), document)
    assert done.returncode == 1
    assert done.stdout.splitlines()[0].split() == [
        "DOCUMENT",
        "TYPE",
        "PAGES",
        "CHUNKS",
        "SECONDS",
        "OUTCOME",
    ]
    assert done.stdout.splitlines()[1].endswith("E_PARSE_EMPTY")
    assert f"{document}: E_PARSE_EMPTY: " in done.stderr
    facts = [json.loads(line) for line in lines.stdout.splitlines()]
    assert [(fact["file"], fact["outcome"]) for fact in facts] == [(document, "failed")] * 2
    assert json.loads((target / "report.json").read_text())["errors"] == ["E_PARSE_EMPTY"]


def test_submit_by_path_sends_what_only_daemons_see(amqp_url: str) -> None:
    """Files of a share that is not mounted here could not be submitted from the command line."""
    with Answering(amqp_url) as daemon:
        done = run(amqp_url, "submit", "--wait", "--by-path", "--timeout", "20", "/share/far.pdf")
    assert done.returncode == 1  # the stand-in reads nothing
    assert daemon.jobs[0].source == PathSource(path="/share/far.pdf")


def test_results_that_do_not_come_in_time_are_named_with_the_way_to_them(
    amqp_url: str, document: str
) -> None:
    """The user would not know which documents are missing, nor that they can still be had."""
    done = run(amqp_url, "submit", "--wait", "--timeout", "1", document)
    assert done.returncode == 1
    assert f"{document}: no result within 1 s (job " in done.stderr
    client_id = done.stderr.split()[-1]
    job_id = amqp.take(amqp_url, JOBS).message_id
    assert job_id is not None
    assert amqp.depth(amqp_url, f"ingestkit.pdf.replies.{client_id}") == 0


def test_ctrl_c_ends_the_wait_and_says_where_the_results_go(amqp_url: str, document: str) -> None:
    """Ctrl-C would show a traceback, or leave the user without the jobs."""
    command = [*COMMAND, "submit", "--wait", document]
    with subprocess.Popen(
        command, env={**os.environ, "AMQP_URL": amqp_url}, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            until(lambda: _depth(amqp_url) == 1)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=20)
        finally:
            process.kill()  # does nothing once it has ended
    assert process.returncode == 130
    assert "Traceback" not in said
    assert "results wait for client id" in said


def _depth(url: str) -> int:
    try:
        return amqp.depth(url, JOBS)
    except Exception:  # noqa: BLE001 - pika's, while the queue is not declared yet
        return 0


def test_status_shows_the_queues_and_fails_where_nobody_works(amqp_url: str, document: str) -> None:
    """An alert could not tell a lane without a daemon from one that is served."""
    absent = run(amqp_url, "status")
    assert absent.returncode == 1
    assert "absent" in absent.stdout
    assert "no daemon consumes lane 'default'" in absent.stderr
    with DistributedExecutionBackend(amqp_url, client_id="alice") as client:
        client.submit(document, PDFProcessorConfig())
        waiting = run(amqp_url, "status", "--json", "--client-id", "alice")
        facts = json.loads(waiting.stdout)
        queues = {queue["name"]: queue for queue in facts["queues"]}
        assert (waiting.returncode, facts["ok"]) == (1, False)
        assert (queues[JOBS]["messages"], queues[JOBS]["consumers"]) == (1, 0)
        assert queues["ingestkit.pdf.replies.alice"]["consumers"] == 1
        assert "***@" in facts["broker"]
    with Answering(amqp_url) as daemon:
        until(lambda: daemon.jobs)
        served = run(amqp_url, "status")
    assert served.returncode == 0
    assert served.stderr == ""


def test_status_changes_nothing(amqp_url: str) -> None:
    """Looking at a mistyped prefix or lane would create its queues."""
    run(amqp_url, "status", "--lane", "typo", "--prefix", "typo")
    assert (
        json.loads(run(amqp_url, "status", "--json", "--lane", "typo", "--prefix", "typo").stdout)["queues"]
        != []
    )
    assert "absent" in run(amqp_url, "status", "--lane", "typo", "--prefix", "typo").stdout
