"""A third connection, for what jobs do not depend on: requests of clients in, events out.

Not the consuming one: who publishes is blocked under an alarm, and with it its acknowledgements. Not the
publishing one: a request must be heard while that one is blocked, and nothing here may close it.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import ChannelNotFoundEntity
from aiormq.abc import AbstractChannel as UnderlayChannel
from aiormq.abc import DeliveredMessage
from aiormq.exceptions import ChannelAccessRefused

from ingestkit_pdf.wire.envelope import Message
from ingestkit_pdf.wire.topology import Exchange, Topology

from .connection import (
    BrokerAddress,
    BrokerRefusedError,
    BrokerUnavailableError,
    close_quietly,
    connect,
    translated,
)
from .message import from_delivered, to_properties
from .rights import may_write

__all__ = ["SideConnection"]

_PREFETCH = 100
"""Requests that may be under way: who sends more than can be heeded fills the queue, not this process."""


class SideConnection:
    """From `open` until `lost` is done. It never mends itself.

    Attributes:
        problems: What the broker does not allow, by what is not to be had for it: `requests`, `events`.
        lost: Done, with the reason, when it is of no use any more.
    """

    def __init__(self, connection: AbstractConnection, topology: Topology, timeout: float) -> None:
        self._connection = connection
        self._topology = topology
        self._timeout = timeout
        self._events: UnderlayChannel | None = None
        self.problems: dict[str, str] = {}
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(
        cls, address: BrokerAddress, topology: Topology, on_request: Callable[[Message], None]
    ) -> SideConnection:
        """Connect, declare what is missing and begin to listen; what is not allowed is a problem, no error.

        Raises:
            BrokerUnavailableError: The broker is away: try again later.
            BrokerRefusedError: It does not take the connection at all.
        """
        connection = await connect(address, "ingestkit-pdfd control")
        side = cls(connection, topology, address.timeout)
        connection.close_callbacks.add(side._on_close)
        try:
            await side._attempt("requests", side._listen(on_request))
            await side._attempt("events", side._open_events())
        except BaseException:
            await close_quietly(connection)
            raise
        return side

    async def publish(self, message: Message, routing_key: str) -> bool:
        """Send an event, without waiting for the broker; whether it could be sent.

        Raises:
            TimeoutError: The broker takes nothing at the moment.
        """
        if self._events is None:
            return False
        try:
            with translated("publish an event"):
                await self._ready()
                await self._events.basic_publish(
                    message.body,
                    exchange=self._topology.events_exchange.name,
                    routing_key=routing_key,
                    properties=to_properties(message),
                )
        except (BrokerUnavailableError, BrokerRefusedError) as error:
            if isinstance(error.__cause__, TimeoutError):
                raise error.__cause__ from error
            return False
        return True

    async def close(self) -> None:
        """Close the connection; its queue goes with it."""
        self._set_lost("closed")
        await close_quietly(self._connection)

    async def _ready(self) -> None:
        """Wait until the broker does not block this connection."""
        transport = self._connection.transport
        if transport is not None:
            await transport.connection.ready()

    async def _attempt(self, what: str, steps: Awaitable[None]) -> None:
        try:
            await steps
        except BrokerRefusedError as error:
            self.problems[what] = str(error)
        except BrokerUnavailableError as error:
            if not isinstance(error.__cause__, ChannelNotFoundEntity):
                raise
            self.problems[what] = str(error)

    async def _listen(self, on_request: Callable[[Message], None]) -> None:
        exchange = self._topology.control_exchange
        await self._declare(exchange)
        queue = self._topology.control_queue(uuid.uuid4().hex)

        async def deliver(delivered: DeliveredMessage) -> None:
            try:
                on_request(from_delivered(delivered))
            finally:
                with suppress(BrokerUnavailableError), translated("acknowledge a request"):
                    await delivered.channel.basic_ack(delivered.delivery_tag or 0, wait=False)

        with translated(f"listen to {exchange.name}"):
            channel = await self._channel()
            declared = await channel.declare_queue(
                queue.name,
                exclusive=True,
                auto_delete=True,
                arguments=dict(queue.arguments),
                timeout=self._timeout,
            )
            await declared.bind(exchange.name, "", timeout=self._timeout)
            await channel.set_qos(prefetch_count=_PREFETCH, timeout=self._timeout)
            underlay = await channel.get_underlay_channel()
            underlay.on_consumer_cancel_callbacks.add(self._on_cancel)
            await underlay.basic_consume(queue.name, deliver, timeout=self._timeout)
            channel.close_callbacks.add(self._on_close)

    async def _open_events(self) -> None:
        exchange = self._topology.events_exchange
        await self._declare(exchange)
        if not await may_write(self._connection, exchange.name, timeout=self._timeout):
            raise BrokerRefusedError(f"the daemon's user has no right to write {exchange.name}")
        with translated("open a channel for events"):
            channel = await self._channel()
            channel.close_callbacks.add(self._on_close)
            self._events = await channel.get_underlay_channel()

    async def _declare(self, exchange: Exchange) -> None:
        """Declare an exchange, or use the one that is there."""
        try:
            await self._declare_once(exchange, passive=False)
        except BrokerRefusedError as refused:
            if not isinstance(refused.__cause__, ChannelAccessRefused):
                raise
            try:
                await self._declare_once(exchange, passive=True)
            except BrokerUnavailableError as error:
                if isinstance(error.__cause__, ChannelNotFoundEntity):
                    raise refused from None
                raise

    async def _declare_once(self, exchange: Exchange, *, passive: bool) -> None:
        with translated(f"declare exchange {exchange.name}"):
            channel = await self._channel()
            await channel.declare_exchange(
                exchange.name, exchange.kind, durable=True, passive=passive, timeout=self._timeout
            )
            await channel.close()

    async def _channel(self) -> AbstractChannel:
        channel = self._connection.channel(publisher_confirms=False)
        await channel.initialize(timeout=self._timeout)
        return channel

    def _set_lost(self, reason: str) -> None:
        if not self.lost.done():
            self.lost.set_result(reason)

    def _on_close(self, _sender: object, error: BaseException | None) -> None:
        self._set_lost(" ".join(str(error).split())[:500] or type(error).__name__)

    def _on_cancel(self, _frame: Any) -> None:
        self._set_lost("its queue for requests was deleted")
