"""A consumer that the broker knows, and gives nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest
from pydantic import SecretStr

from demo.broker import PrivateBroker
from demo.management import vhost_of
from ingestkit_pdf.wire.topology import Topology
from ingestkit_pdfd.amqp import BrokerAddress, Connection, Consumer, Delivery
from support.amqp import channel, publish
from support.letters import declare, job

pytestmark = pytest.mark.broker

NAMES = Topology()
JOBS = NAMES.job_queue("default")


@pytest.fixture
def address(broker: PrivateBroker, amqp_url: str) -> Iterator[BrokerAddress]:
    """The virtual host for a user who may declare nothing, and so takes the queue as it is."""
    vhost = vhost_of(amqp_url)
    broker.ctl("add_user", f"user-{vhost}", "s3cret")
    broker.ctl("set_permissions", "-p", vhost, f"user-{vhost}", "^$", ".*", ".*")
    url = f"amqp://user-{vhost}:s3cret@{amqp_url.rpartition('@')[2]}"
    yield BrokerAddress(SecretStr(url), 10, 10.0)
    broker.ctl("delete_user", f"user-{vhost}")


async def open_consumer(address: BrokerAddress, on_delivery: Callable[[Delivery], None]) -> Consumer:
    async def go_on(_connection: Connection) -> None:
        """Whatever there is."""

    return await Consumer.open(
        address, NAMES, ["default"], prefetch=2, on_delivery=on_delivery, on_declared=go_on
    )


def test_a_consumer_that_is_passed_over_counts_as_lost(amqp_url: str, address: BrokerAddress) -> None:
    """A daemon could idle beside a full queue for ever, since the broker does see its consumer."""
    declare(amqp_url)
    with channel(amqp_url) as opened:
        opened.queue_delete(JOBS.name)
        arguments = {**JOBS.arguments, "x-single-active-consumer": True}
        opened.queue_declare(JOBS.name, durable=True, arguments=arguments)
        opened.queue_bind(JOBS.name, NAMES.jobs_exchange.name, "default")
        opened.basic_qos(prefetch_count=1)
        opened.basic_consume(JOBS.name, lambda *_: None)
        for number in range(5):
            publish(amqp_url, job(f"job-{number}"), exchange=NAMES.jobs_exchange.name, routing_key="default")

        async def scenario() -> str:
            consumer = await open_consumer(address, lambda _delivery: None)
            await consumer.verify(10)
            assert not consumer.lost.done(), "the first look was enough"
            await consumer.verify(10)
            await consumer.close()
            return await consumer.lost

        assert asyncio.run(scenario()) == f"the broker has 4 jobs in {JOBS.name} and delivers none"


def test_a_consumer_with_its_hands_full_is_well(amqp_url: str, address: BrokerAddress) -> None:
    """A daemon with long documents would drop its connection again and again."""
    declare(amqp_url)
    for number in range(5):
        publish(amqp_url, job(f"job-{number}"), exchange=NAMES.jobs_exchange.name, routing_key="default")

    async def scenario() -> None:
        held: list[Delivery] = []
        full = asyncio.Event()

        def hold(delivery: Delivery) -> None:
            held.append(delivery)
            if len(held) == 2:
                full.set()

        consumer = await open_consumer(address, hold)
        await full.wait()
        for _ in range(3):
            await consumer.verify(10)
        full.clear()
        done, held[:] = list(held), []
        for delivery in done:
            assert await delivery.ack()
        await full.wait()  # the next two come
        await consumer.verify(10)
        assert not consumer.lost.done()
        await consumer.close()

    asyncio.run(scenario())
