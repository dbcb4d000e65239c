"""The least that does it: the worker pool between two quorum queues, with confirms, and nothing else.

No message is validated, no job is known twice, nothing is retried, counted, logged or watched, and a lost
connection loses jobs. What it costs is what the promises of delivery can cost at the least.

    python floor.py URL WORKERS PREFETCH FOLDER     the service; says `ready` once it consumes
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import uuid
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

import aiormq
from aiormq.abc import DeliveredMessage

from ingestkit_pdf import PDFProcessorConfig
from ingestkit_pdf.execution.pool import PIPELINE, PoolLimits, PoolTask, WorkerPool
from ingestkit_pdf.execution.sandbox import Sandbox

__all__ = ["FloorClient"]

JOBS = "floor.jobs"
QUORUM = {"x-queue-type": "quorum"}


class FloorClient:
    """Publishes documents with confirms and takes results, on an event loop in a thread of its own."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._results: dict[str, Future[bytes]] = {}
        self._replies = f"floor.replies.{uuid.uuid4().hex}"
        self._wait(self._open(url))

    def submit(self, path: str) -> str:
        """The id of the job, once it is confirmed."""
        job_id = uuid.uuid4().hex
        self._results[job_id] = Future()
        self._wait(publish(self._channel, JOBS, Path(path).read_bytes(), job_id, self._replies))
        return job_id

    def result(self, job_id: str, timeout: float) -> bytes:
        """The result as JSON."""
        body = self._results[job_id].result(timeout)
        del self._results[job_id]
        return body

    def close(self) -> None:
        """End the connection and the thread."""
        self._wait(self._connection.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _wait(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _open(self, url: str) -> None:
        self._connection = await aiormq.connect(url)
        self._channel = await self._connection.channel(publisher_confirms=True)
        for queue in (JOBS, self._replies):
            await self._channel.queue_declare(queue, durable=True, arguments=QUORUM)
        await self._channel.basic_qos(prefetch_count=1000)
        await self._channel.basic_consume(self._replies, self._take)

    async def _take(self, message: DeliveredMessage) -> None:
        job_id = message.header.properties.correlation_id or ""
        self._results[job_id].set_result(message.body)
        await self._channel.basic_ack(message.delivery_tag or 0, wait=False)


async def publish(channel: Any, queue: str, body: bytes, job_id: str, reply_to: str | None = None) -> None:
    """Publish a persistent message and wait for its confirmation."""
    properties = aiormq.spec.Basic.Properties(correlation_id=job_id, reply_to=reply_to, delivery_mode=2)
    await channel.basic_publish(body, routing_key=queue, properties=properties, mandatory=True, wait=False)


async def serve(url: str, workers: int, prefetch: int, folder: Path) -> None:
    """Take documents, have the pool read them, publish the results, acknowledge."""
    config = PDFProcessorConfig()
    limits = PoolLimits(memory_bytes=2 * 1024**3, max_documents=500)
    consuming, publishing = [await aiormq.connect(url) for _ in range(2)]
    inbound = await consuming.channel(publisher_confirms=False)
    outbound = await publishing.channel(publisher_confirms=True)
    with WorkerPool(PIPELINE, workers=workers, limits=limits, sandbox=Sandbox.AUTO) as pool:

        def staged(body: bytes, job_id: str) -> int:
            path = folder / job_id
            path.write_bytes(body)
            try:
                return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            finally:
                path.unlink()

        async def handle(message: DeliveredMessage) -> None:
            properties = message.header.properties
            job_id = properties.correlation_id or ""
            task = PoolTask(
                job_id=job_id,
                file_path="document.pdf",
                config=config.model_dump(),
                timeout=60,
                open_document=partial(staged, message.body, job_id),
            )
            outcome: Any = await asyncio.wrap_future(pool.submit(task))
            await publish(outbound, properties.reply_to or "", outcome.body, job_id)
            await inbound.basic_ack(message.delivery_tag or 0, wait=False)

        await inbound.queue_declare(JOBS, durable=True, arguments=QUORUM)
        await inbound.basic_qos(prefetch_count=prefetch)
        await inbound.basic_consume(JOBS, handle)
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])))
