"""Real documents, good and hostile, through the daemon: each answered once, and as the local backend does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from ingestkit_pdf import (
    DistributedExecutionBackend,
    ExecutionBackend,
    LocalExecutionBackend,
    PDFProcessorConfig,
    ProcessingResult,
)
from support.amqp import assert_queues_empty
from support.daemon import DaemonProcess

pytestmark = pytest.mark.broker

# Reading the scans among them would take minutes; `test_ocr.py` reads scans in the pool that both use.
CONFIG = PDFProcessorConfig(per_document_timeout_seconds=20, ocr_engine="none")
VARYING = {
    "ingest_run_id",
    "processing_time_seconds",
    "parse_duration_seconds",
    "classification_duration_seconds",
    "ocr_duration_seconds",
    "peak_memory_bytes",
}


def stable(value: Any) -> Any:
    """A result without what differs from run to run: timings, the run's id, the memory of the process."""
    if isinstance(value, dict):
        return {key: stable(item) for key, item in value.items() if key not in VARYING}
    return [stable(item) for item in value] if isinstance(value, list) else value


def run_all(backend: ExecutionBackend, files: list[Path]) -> Iterator[tuple[Path, ProcessingResult]]:
    jobs = [(path, backend.submit(str(path), CONFIG)) for path in files]
    for path, job_id in jobs:
        yield path, backend.get_result(job_id, timeout=300)


def test_every_document_is_answered_once_and_as_the_local_backend_does(
    amqp_url: str, corpus: Path, tmp_path: Path
) -> None:
    """A hostile document would stop the daemon, or cost a neighbour its result; or the backends differ."""
    files = sorted(
        path for kind in ("valid", "hostile") for path in (corpus / kind).rglob("*") if path.is_file()
    )
    assert len(files) > 100
    with DaemonProcess(amqp_url, tmp_path) as daemon:
        with DistributedExecutionBackend(amqp_url) as backend:
            distributed = {
                path: json.loads(result.model_dump_json()) for path, result in run_all(backend, files)
            }
        finished = daemon.wait_for("attempt_finished", count=len(files))
        assert daemon.process.poll() is None
        family = psutil.Process(daemon.process.pid).children(recursive=True)
    parked = sum(line["outcome"] == "deadlettered" for line in finished)
    assert_queues_empty(amqp_url, parked=parked)
    assert list(tmp_path.iterdir()) == [], "staged documents were left behind"
    assert psutil.wait_procs(family, timeout=10)[1] == [], "processes were left behind"
    with LocalExecutionBackend(max_workers=2) as local:
        different = [
            str(path.relative_to(corpus))
            for path, result in run_all(local, files)
            if stable(json.loads(result.model_dump_json())) != stable(distributed[path])
        ]
    assert different == []
