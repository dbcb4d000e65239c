"""The same work as a Celery task: rpc results, acknowledged late. For the worker and for the client."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery

from ingestkit_pdf.pdf import process_document

__all__ = ["PER_PROCESS", "app", "process"]

PER_PROCESS = int(os.environ.get("BENCH_PREFETCH", "2"))

app = Celery("celery_app", broker=os.environ.get("BENCH_BROKER_URL"), backend="rpc://")
app.conf.update(
    task_acks_late=True,
    worker_prefetch_multiplier=PER_PROCESS,
    broker_transport_options={"confirm_publish": os.environ.get("BENCH_CONFIRMS") == "1"},
    task_default_queue="celery",
    broker_connection_retry_on_startup=True,
)


@app.task(name="process")
def process(file_path: str, config: dict[str, Any]) -> str:
    """The pipeline; the result as JSON."""
    return process_document(file_path, config).model_dump_json()
