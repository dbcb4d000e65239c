"""One document that cannot be read in time, among five hundred that can."""

from __future__ import annotations

import contextlib
import hashlib
import json
import socket
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from ingestkit_pdf import ErrorCode, PDFProcessorConfig
from ingestkit_pdf.errors import JobNotFoundError
from support.daemon import DaemonProcess
from support.documents import endless_pdf
from support.ledger import Ledger
from support.letters import command
from support.waiting import until

pytestmark = [pytest.mark.broker, pytest.mark.slow]

JOBS = 500
MIB = 1024 * 1024
SECONDS = 10.0
"""More than any good document takes, and less than the poison does."""


def answered_well(ledger: Ledger, job_id: str) -> bool:
    """Whether the answer of the redriven job is here; the one before it is not kept for ever."""
    with contextlib.suppress(JobNotFoundError):
        return ledger.backend.get_result(job_id, timeout=60).succeeded
    return False


@pytest.mark.parametrize("inline", [True, False], ids=["inline", "by path"])
def test_poison_is_parked_explained_and_answered_once_its_cause_is_gone(
    amqp_url: str, open_ledger: Callable[..., Ledger], tmp_path: Path, staging: Path, inline: bool
) -> None:
    """An operator could not tell what was parked and why, its neighbours would suffer, or its client wait."""
    ledger = open_ledger(amqp_url, **({} if inline else {"inline_limit": 0}))
    path = tmp_path / "slow.pdf"
    path.write_bytes(endless_pdf(depth=6, times=20))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    roots = sorted({str(folder.parent) for folder in (path, *ledger.documents)})
    settings = {"retry_attempts": {"timeout": 2}, "document_timeout": SECONDS, "allowed_roots": roots}
    with DaemonProcess(amqp_url, staging, **settings) as daemon:
        ledger.submit(JOBS // 2)
        poison = ledger.backend.submit(str(path), PDFProcessorConfig())
        ledger.submit(JOBS // 2)
        told = ledger.backend.get_result(poison, timeout=180)
        assert told.errors == [ErrorCode.E_EXECUTION_TIMEOUT]
        ledger.settle(timeout=180)
        attempts = daemon.logged("attempt_finished", job_id=poison)
        assert [line["outcome"] for line in attempts] == ["retried", "deadlettered"]
        others = [line for line in daemon.logged("attempt_finished") if line["job_id"] != poison]
        assert {(line["attempt"], line["outcome"]) for line in others} == {(1, "completed")}

    shown = json.loads(command(amqp_url, "dead", "show", poison, "--json")[1])
    assert (shown["reason"], shown["code"], shown["attempt"]) == ("timeout", "E_EXECUTION_TIMEOUT", 2)
    assert shown["document"] == str(path)
    assert [record["attempt"] for record in shown["history"]] == [1, 2]
    for record in shown["history"]:
        assert (record["reason"], record["code"]) == ("timeout", "E_EXECUTION_TIMEOUT")
        assert f"{SECONDS:g} s" in record["message"]
        assert record["host"] == socket.gethostname()
        assert -1 < shown["parked_at"] - record["at"] < 120  # whole seconds
        assert record["details"]["page_reached"] == 1
        assert record["details"]["peak_memory_bytes"] > MIB
    assert shown["history"][-1]["details"]["document_sha256"] == digest
    assert shown["details"] == {
        **shown["history"][-1]["details"],
        "host": socket.gethostname(),
        "version": version("ingestkit-pdf"),
        "pymupdf": version("pymupdf"),
    }
    listed = json.loads(command(amqp_url, "dead", "list", "--document", digest[:12], "--json")[1])
    assert listed["job_id"] == poison
    explained = command(amqp_url, "dead", "show", poison)[1]
    assert "document_timeout" in explained

    with DaemonProcess(amqp_url, staging, document_timeout=240, allowed_roots=roots):
        assert command(amqp_url, "dead", "redrive", "--reason", "timeout")[0] == 0
        until(lambda: answered_well(ledger, poison), timeout=240)
    ledger.assert_balanced(amqp_url)
