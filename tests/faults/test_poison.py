"""One document that cannot be read in time, among five hundred that can."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
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
SECONDS = 10.0
"""More than any good document takes, and less than the poison does."""


def answered_well(ledger: Ledger, job_id: str) -> bool:
    """Whether the answer of the redriven job is here; the one before it is not kept for ever."""
    with contextlib.suppress(JobNotFoundError):
        return ledger.backend.get_result(job_id, timeout=60).succeeded
    return False


def test_poison_is_parked_explained_and_answered_once_its_cause_is_gone(
    amqp_url: str, open_ledger: Callable[..., Ledger], tmp_path: Path, staging: Path
) -> None:
    """An operator could not tell what was parked and why, its neighbours would suffer, or its client wait."""
    ledger = open_ledger(amqp_url)
    path = tmp_path / "slow.pdf"
    path.write_bytes(endless_pdf(depth=6, times=20))
    settings = {"retry_attempts": {"timeout": 2}, "document_timeout": SECONDS}
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
    for record in shown["history"]:
        assert {"attempt", "reason", "code", "message", "host", "at"} <= set(record)
        assert {"document_sha256", "peak_memory_bytes", "page_reached"} <= set(record["details"])
    assert {"host", "version", "pymupdf", "document_sha256", "page_reached"} <= set(shown["details"])
    explained = command(amqp_url, "dead", "show", poison)[1]
    assert "document_timeout" in explained

    with DaemonProcess(amqp_url, staging, document_timeout=240):
        assert command(amqp_url, "dead", "redrive", "--reason", "timeout")[0] == 0
        until(lambda: answered_well(ledger, poison), timeout=240)
    ledger.assert_balanced(amqp_url)
