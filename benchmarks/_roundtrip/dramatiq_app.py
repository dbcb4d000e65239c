"""The same work as a Dramatiq actor: publisher confirms, results in Redis. Imported by worker and client."""

from __future__ import annotations

import os
from typing import Any

import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

from ingestkit_pdf.pdf import process_document

__all__ = ["process"]

_broker = RabbitmqBroker(url=os.environ["BENCH_BROKER_URL"], confirm_delivery=True)
_broker.add_middleware(Results(backend=RedisBackend(url=os.environ["BENCH_REDIS_URL"])))
dramatiq.set_broker(_broker)


@dramatiq.actor(store_results=True, max_retries=0, time_limit=600_000)
def process(file_path: str, config: dict[str, Any]) -> str:
    """The pipeline; the result as JSON."""
    return process_document(file_path, config).model_dump_json()
