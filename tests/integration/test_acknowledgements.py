"""What was settled stays settled: acknowledgements reach the broker although nobody waits for each."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aio_pika.abc import AbstractConnection
from pydantic import SecretStr

from ingestkit_pdf import DistributedExecutionBackend, PDFProcessorConfig
from ingestkit_pdf.wire.envelope import encode_result
from ingestkit_pdf.wire.topology import DEFAULT_LANE, Topology
from ingestkit_pdfd.amqp import BrokerAddress, Consumer, Delivery
from support.amqp import publish, take
from support.answering import Answering
from support.documents import text_pdf

pytestmark = pytest.mark.broker

JOBS = 16
"""No more than RabbitMQ passes on at once: of acknowledgements beyond 32 it holds some back, and forgets
them when the channel closes."""


@pytest.fixture
def document(tmp_path: Path) -> str:
    """A small PDF file."""
    path = tmp_path / "report.pdf"
    path.write_bytes(text_pdf("A page."))
    return str(path)


async def consume(url: str) -> tuple[Consumer, asyncio.Queue[Delivery]]:
    """A consumer, and what arrives at it."""
    arrived: asyncio.Queue[Delivery] = asyncio.Queue()
    address = BrokerAddress(SecretStr(url), heartbeat=10, timeout=10)

    async def go_on(_connection: AbstractConnection) -> None:
        pass

    consumer = await Consumer.open(
        address,
        Topology(),
        [DEFAULT_LANE],
        prefetch=JOBS,
        on_delivery=arrived.put_nowait,
        on_declared=go_on,
    )
    return consumer, arrived


def test_what_was_acknowledged_just_before_the_end_is_not_delivered_again(
    amqp_url: str, document: str
) -> None:
    """A daemon that stops would leave jobs behind that it has answered, and another would run them again."""

    async def run(backend: DistributedExecutionBackend) -> None:
        consumer, arrived = await consume(amqp_url)
        for _ in range(JOBS):
            await asyncio.to_thread(backend.submit, document, PDFProcessorConfig())
        deliveries = [await asyncio.wait_for(arrived.get(), 10) for _ in range(JOBS)]
        assert [await delivery.ack() for delivery in deliveries] == [True] * JOBS
        await consumer.close()
        assert not await deliveries[0].ack()
        consumer, arrived = await consume(amqp_url)
        last = await asyncio.to_thread(backend.submit, document, PDFProcessorConfig())
        # What comes back comes before what is new.
        assert (await asyncio.wait_for(arrived.get(), 10)).message.message_id == last
        await consumer.close()

    with DistributedExecutionBackend(amqp_url) as backend:
        asyncio.run(run(backend))


def test_results_are_acknowledged_before_a_client_says_goodbye(amqp_url: str, document: str) -> None:
    """Acknowledgements are gathered; the next client of this identity would be given its old results."""
    with Answering(amqp_url):
        with DistributedExecutionBackend(amqp_url, client_id="brief") as backend:
            jobs = [backend.submit(document, PDFProcessorConfig()) for _ in range(5)]
            for job in jobs:
                backend.get_result(job, timeout=20)
    queue = Topology().reply_queue("brief").name
    (marker,) = encode_result("marker", b"{}")
    publish(amqp_url, marker, exchange="", routing_key=queue)
    assert take(amqp_url, queue).message_id == "marker"  # likewise
