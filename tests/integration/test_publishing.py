"""What the daemon's publisher says of messages, each of its own."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import SecretStr

from ingestkit_pdf.wire.envelope import Message
from ingestkit_pdf.wire.envelope.message import H_JOB, H_REASON_TEXT
from ingestkit_pdf.wire.topology import Topology
from ingestkit_pdfd.amqp import BrokerAddress, Publisher, UnroutableError
from support.amqp import channel, depth, exists, take
from support.letters import declare

pytestmark = pytest.mark.broker

NAMES = Topology()


def test_messages_of_one_id_are_not_taken_for_each_other(amqp_url: str) -> None:
    """An answer that reached no queue would count as confirmed, and the job be acknowledged: it is lost."""
    declare(amqp_url)
    queue = NAMES.orphaned_queue.name
    message = Message(body=b"x", message_id="twin")

    async def scenario() -> list[object]:
        address = BrokerAddress(SecretStr(amqp_url), 10, 10.0)
        publisher = Publisher(address, NAMES, ["default"], timeout=10)
        targets = ["nowhere", queue] * 20
        told = await asyncio.gather(
            *(publisher.publish(message, routing_key=target) for target in targets), return_exceptions=True
        )
        await publisher.close()
        return [type(answer) for answer in told]

    assert asyncio.run(scenario()) == [UnroutableError, type(None)] * 20
    assert depth(amqp_url, queue) == 20


@pytest.mark.parametrize("what", ["queue", "exchange"])
def test_what_was_deleted_is_declared_again_on_demand(amqp_url: str, what: str) -> None:
    """A letter could never be parked again, once somebody has deleted the exchange for them."""
    declare(amqp_url)
    with channel(amqp_url) as opened:
        if what == "queue":
            opened.queue_delete(NAMES.dead_queue.name)
        else:
            opened.exchange_delete(NAMES.dead_exchange.name)

    async def scenario() -> None:
        address = BrokerAddress(SecretStr(amqp_url), 10, 10.0)
        publisher = Publisher(address, NAMES, ["default"], timeout=10)
        letter = Message(body=b"x", message_id="letter")
        with pytest.raises(UnroutableError):
            await publisher.publish(letter, routing_key="default", exchange=NAMES.dead_exchange.name)
        await publisher.declare()
        await publisher.publish(letter, routing_key="default", exchange=NAMES.dead_exchange.name)
        await publisher.close()

    asyncio.run(scenario())
    assert exists(amqp_url, NAMES.dead_queue.name)
    assert depth(amqp_url, NAMES.dead_queue.name) == 1


def test_headers_larger_than_a_frame_are_cut(amqp_url: str) -> None:
    """The broker would close the connection, on which everybody is answered, each time it is tried again."""
    declare(amqp_url)
    letter = Message(body=b"x", message_id="letter", headers={H_JOB: "x" * 131_072, H_REASON_TEXT: "why"})

    async def scenario() -> None:
        address = BrokerAddress(SecretStr(amqp_url), 10, 10.0)
        publisher = Publisher(address, NAMES, ["default"], timeout=10)
        await publisher.publish(letter, routing_key="default", exchange=NAMES.dead_exchange.name)
        await publisher.close()

    asyncio.run(scenario())
    assert take(amqp_url, NAMES.dead_queue.name).headers[H_REASON_TEXT].startswith("why; too large")
