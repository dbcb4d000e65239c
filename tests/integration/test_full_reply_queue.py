"""A client that does not read its results, beside one that does."""

from __future__ import annotations

import asyncio
import time

import pytest
from pydantic import SecretStr

from demo.broker import PrivateBroker
from demo.management import vhost_of
from ingestkit_pdf.wire.envelope import encode_result
from ingestkit_pdf.wire.topology import Topology
from ingestkit_pdfd import reply
from ingestkit_pdfd.amqp import BrokerAddress, Publisher
from ingestkit_pdfd.metrics import Metrics
from ingestkit_pdfd.refusals import Refusals
from ingestkit_pdfd.reply import Outbox
from support.amqp import channel, depth
from support.letters import declare

pytestmark = pytest.mark.broker

NAMES = Topology()
READS, SLEEPS = NAMES.reply_queue("tests").name, NAMES.reply_queue("sleeps").name
ROOM = 3
RESULTS = 20


def test_a_full_queue_holds_up_nobody_else(
    broker: PrivateBroker, amqp_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every client would wait for seconds, and for longer each time the shared connection was closed."""
    monkeypatch.setattr(reply, "_REFUSED_REPLIES", 5)  # 1.5 to 3 s
    declare(amqp_url)
    policy = f'{{"max-length": {ROOM}, "overflow": "reject-publish"}}'
    broker.ctl("set_policy", "-p", vhost_of(amqp_url), "full", SLEEPS, policy, "--apply-to", "queues")
    with channel(amqp_url) as opened:
        opened.queue_declare(SLEEPS, durable=True, arguments=dict(NAMES.reply_queue("x").arguments))

    async def scenario() -> list[float]:
        address = BrokerAddress(SecretStr(amqp_url), 10, 10.0)
        publisher = Publisher(address, NAMES, ["default"], timeout=10)
        metrics = Metrics(["default"])
        outbox = Outbox(publisher, NAMES, Refusals(lambda: "broker", metrics), metrics)

        async def answer(name: str, queue: str) -> float:
            begun = time.monotonic()
            await outbox.reply(encode_result(name, b"{}"), queue)
            return time.monotonic() - begun

        for number in range(ROOM + 2):  # quorum queues take a few more than they should
            await answer(f"first-{number}", SLEEPS)
        took = []
        for number in range(RESULTS):
            waiting = asyncio.create_task(answer(f"sleeps-{number}", SLEEPS))
            took.append(await answer(f"reads-{number}", READS))
            took.append(await waiting)
        await publisher.close()
        return took

    took = asyncio.run(scenario())
    assert max(took) < 1.5, "what is for a full queue keeps its place"
    assert depth(amqp_url, READS) == RESULTS
    kept = depth(amqp_url, SLEEPS) + depth(amqp_url, NAMES.orphaned_queue.name)
    assert kept == ROOM + 2 + RESULTS
