"""The consuming connection: deliveries in, acknowledgements out, and word of its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractQueue

from ingestkit_pdf.wire.envelope import Message
from ingestkit_pdf.wire.topology import Topology

from .connection import BrokerAddress, BrokerUnavailableError, close_quietly, connect, translated
from .declare import declare_topology
from .message import from_pika

__all__ = ["Consumer", "Delivery"]

_CANCEL_TIMEOUT = 5.0


class Delivery:
    """One delivery on one channel. It can be settled only there, and only while that channel lives.

    Attributes:
        lane: The lane it came from.
        message: What was delivered; nothing about it is trusted.
        redelivered: Whether the broker has delivered it before, here or elsewhere.
        earlier: How often, as far as the broker counts (quorum queues do).
    """

    def __init__(self, incoming: AbstractIncomingMessage, lane: str) -> None:
        self._incoming = incoming
        self.lane = lane
        self.message: Message = from_pika(incoming)
        self.redelivered = bool(incoming.redelivered)
        count = self.message.headers.get("x-delivery-count", 0)
        self.earlier = count if isinstance(count, int) else 0

    async def ack(self) -> bool:
        """Acknowledge; False when its channel is gone, and so the broker delivers it again."""
        return await self._settle(self._incoming.ack)

    async def requeue(self) -> bool:
        """Give it back to the queue for another daemon; False when its channel is gone."""
        return await self._settle(self._incoming.nack)

    @staticmethod
    async def _settle(action: Callable[[], Any]) -> bool:
        try:
            with translated("settle"):
                await asyncio.wait_for(action(), _CANCEL_TIMEOUT)
        except BrokerUnavailableError:
            return False
        return True


class Consumer:
    """One connection that consumes every lane, from `open` until `lost` is done.

    It never mends itself: whoever owns it opens a new one. Deliveries are handed over in the order of
    their arrival, to a plain function that must not block.
    """

    def __init__(self, connection: AbstractConnection) -> None:
        self._connection = connection
        self._consumers: list[tuple[AbstractQueue, str]] = []
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(
        cls,
        address: BrokerAddress,
        topology: Topology,
        lanes: Sequence[str],
        *,
        prefetch: int,
        on_delivery: Callable[[Delivery], None],
    ) -> Consumer:
        """Connect, declare the topology and start to consume, in this order.

        Raises:
            BrokerUnavailableError: The broker is away: try again later.
            BrokerRefusedError: The broker says no: trying again does not help.
        """
        connection = await connect(address, "ingestkit-pdfd consumer")
        consumer = cls(connection)
        connection.close_callbacks.add(consumer._on_close)
        try:
            await declare_topology(connection, topology, lanes, timeout=address.timeout)
            for lane in lanes:
                await consumer._consume(topology, lane, prefetch, on_delivery, address.timeout)
        except BaseException:
            await close_quietly(connection)
            raise
        return consumer

    async def _consume(
        self,
        topology: Topology,
        lane: str,
        prefetch: int,
        on_delivery: Callable[[Delivery], None],
        timeout: float,
    ) -> None:
        name = topology.job_queue(lane).name

        async def deliver(incoming: AbstractIncomingMessage) -> None:
            on_delivery(Delivery(incoming, lane))

        with translated(f"consume {name}"):
            channel = self._connection.channel(publisher_confirms=False)
            await channel.initialize(timeout=timeout)
            channel.close_callbacks.add(self._on_close)
            underlay = await channel.get_underlay_channel()
            underlay.on_consumer_cancel_callbacks.add(self._on_cancel)
            await channel.set_qos(prefetch_count=prefetch, timeout=timeout)
            queue = await channel.get_queue(name, ensure=False)
            self._consumers.append((queue, await queue.consume(deliver, timeout=timeout)))

    async def verify(self, timeout: float) -> None:
        """Ask the broker whether every lane's queue has a consumer; if not, the connection counts as lost."""
        for queue, _ in self._consumers:
            try:
                with translated(f"check {queue.name}"):
                    declared = await queue.channel.declare_queue(queue.name, passive=True, timeout=timeout)
            except BrokerUnavailableError as error:
                return self._set_lost(str(error))
            if not declared.declaration_result.consumer_count:
                return self._set_lost(f"the broker sees no consumer on {queue.name}")
        return None

    async def stop_consuming(self) -> None:
        """No more deliveries; those that are here can still be settled."""
        for queue, tag in self._consumers:
            try:
                with translated(f"cancel the consumer of {queue.name}"):
                    await queue.cancel(tag, timeout=_CANCEL_TIMEOUT)
            except BrokerUnavailableError as error:
                return self._set_lost(str(error))
        return None

    async def close(self) -> None:
        """Close the connection; the broker requeues what was not settled."""
        self._set_lost("closed")
        await close_quietly(self._connection)

    def _set_lost(self, reason: str) -> None:
        if not self.lost.done():
            self.lost.set_result(reason)

    def _on_close(
        self, sender: AbstractConnection | AbstractChannel | None, error: BaseException | None
    ) -> None:
        kind = "connection" if isinstance(sender, AbstractConnection) else "channel"
        reason = " ".join(str(error).split())[:500] if error is not None else ""
        self._set_lost(f"{kind} closed: {reason or type(error).__name__}")

    def _on_cancel(self, frame: Any) -> None:
        self._set_lost(f"the broker cancelled consumer {frame.consumer_tag}")
