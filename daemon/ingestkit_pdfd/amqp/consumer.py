"""The consuming connection: deliveries in, acknowledgements out, and word of its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractQueue
from aiormq.abc import DeliveredMessage

from ingestkit_pdf.wire.envelope import Message
from ingestkit_pdf.wire.topology import Topology

from .connection import BrokerAddress, BrokerUnavailableError, close_quietly, connect, translated
from .declare import declare_topology
from .message import from_delivered
from .movement import Movement

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

    def __init__(self, delivered: DeliveredMessage, lane: str, on_settled: Callable[[], None]) -> None:
        self._on_settled = on_settled
        self._channel = delivered.channel
        self._tag = delivered.delivery_tag or 0
        self.lane = lane
        self.message: Message = from_delivered(delivered)
        self.redelivered = bool(delivered.redelivered)
        count = self.message.headers.get("x-delivery-count", 0)
        self.earlier = count if isinstance(count, int) else 0

    async def ack(self) -> bool:
        """Acknowledge; False when its channel is gone, and so the broker delivers it again."""
        return await self._settle(self._channel.basic_ack(self._tag, wait=False))

    async def requeue(self) -> bool:
        """Give it back to the queue for another daemon; False when its channel is gone."""
        return await self._settle(self._channel.basic_nack(self._tag, requeue=True, wait=False))

    async def fail(self) -> bool:
        """Give it back as `requeue` does, so that every version of the broker counts it as a delivery."""
        return await self._settle(self._channel.basic_reject(self._tag, requeue=True, wait=False))

    async def reject(self) -> bool:
        """Have the broker itself put it among the dead letters; False when its channel is gone."""
        return await self._settle(self._channel.basic_reject(self._tag, requeue=False, wait=False))

    async def _settle(self, action: Awaitable[None]) -> bool:
        """Done once it is in line to be written; `Consumer.close` sees to it that the line is empty."""
        try:
            with translated("settle"):
                async with asyncio.timeout(_CANCEL_TIMEOUT):
                    await action
        except BrokerUnavailableError:
            return False
        self._on_settled()
        return True


class Consumer:
    """One connection that consumes every lane, from `open` until `lost` is done.

    It never mends itself: whoever owns it opens a new one. Deliveries are handed over in the order of
    their arrival, to a plain function that must not block.
    """

    def __init__(self, connection: AbstractConnection) -> None:
        self._connection = connection
        self._consumers: list[tuple[AbstractQueue, str, Movement]] = []
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
        on_declared: Callable[[AbstractConnection], Awaitable[None]],
    ) -> Consumer:
        """Connect, declare the topology, ask `on_declared` whether to go on, and start to consume.

        Raises:
            BrokerUnavailableError: The broker is away: try again later.
            BrokerRefusedError: The broker says no: trying again does not help.
        """
        connection = await connect(address, "ingestkit-pdfd consumer")
        consumer = cls(connection)
        connection.close_callbacks.add(consumer._on_close)
        try:
            await declare_topology(connection, topology, lanes, timeout=address.timeout)
            await on_declared(connection)
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
        movement = Movement(prefetch)

        async def deliver(delivered: DeliveredMessage) -> None:
            movement.delivered()
            on_delivery(Delivery(delivered, lane, movement.settled))

        with translated(f"consume {name}"):
            channel = self._connection.channel(publisher_confirms=False)
            await channel.initialize(timeout=timeout)
            channel.close_callbacks.add(self._on_close)
            underlay = await channel.get_underlay_channel()
            underlay.on_consumer_cancel_callbacks.add(self._on_cancel)
            await channel.set_qos(prefetch_count=prefetch, timeout=timeout)
            queue = await channel.get_queue(name, ensure=False)
            consuming = await underlay.basic_consume(name, deliver, timeout=timeout)
            self._consumers.append((queue, consuming.consumer_tag or "", movement))

    async def verify(self, timeout: float) -> None:
        """Ask the broker whether it sees a consumer on every lane, and see whether deliveries come.

        If not, the connection counts as lost.
        """
        for queue, _, movement in self._consumers:
            try:
                with translated(f"check {queue.name}"):
                    declared = await queue.channel.declare_queue(queue.name, passive=True, timeout=timeout)
            except BrokerUnavailableError as error:
                return self._set_lost(str(error))
            state = declared.declaration_result
            if not state.consumer_count:
                return self._set_lost(f"the broker sees no consumer on {queue.name}")
            if movement.stands_still(state.message_count or 0):
                return self._set_lost(
                    f"the broker has {state.message_count} jobs in {queue.name} and delivers none"
                )
        return None

    async def stop_consuming(self) -> None:
        """No more deliveries; those that are here can still be settled."""
        for queue, tag, _ in self._consumers:
            try:
                with translated(f"cancel the consumer of {queue.name}"):
                    await queue.cancel(tag, timeout=_CANCEL_TIMEOUT)
            except BrokerUnavailableError as error:
                return self._set_lost(str(error))
        return None

    async def close(self) -> None:
        """Close the connection; the broker requeues what was not settled."""
        self._set_lost("closed")
        # First the channels: the answer to that comes after all that was to be written before it.
        await asyncio.gather(*(close_quietly(queue.channel) for queue, _, _ in self._consumers))
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
