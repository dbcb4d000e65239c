"""The publishing connection: opened when first needed, and again whenever it was lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import ChannelNotFoundEntity, DeliveryError, PublishError

from ingestkit_pdf.wire.envelope import Message, fitting
from ingestkit_pdf.wire.refusals import size_limit
from ingestkit_pdf.wire.topology import Topology

from .connection import (
    BrokerAddress,
    BrokerRefusedError,
    BrokerUnavailableError,
    close_quietly,
    connect,
    translated,
)
from .declare import declare_topology
from .message import to_properties

__all__ = ["Publisher", "RejectedError", "TooLargeError", "UnroutableError"]


_OTHER_PROPERTIES = 3072
"""Bytes of a frame that headers leave to the other properties, each of at most 255."""


class UnroutableError(Exception):
    """The broker returned the message: no queue takes it."""


class RejectedError(Exception):
    """The broker did not take the message: the queue is full, or lost its quorum."""


class TooLargeError(Exception):
    """The broker takes messages of at most `limit` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the broker takes messages of at most {limit} bytes")
        self.limit = limit


@contextmanager
def _confirmed_within(seconds: float) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise BrokerUnavailableError(f"publish: not confirmed within {seconds:g} s") from error


class Publisher:
    """Publishes with confirms and `mandatory`; returns only when the broker has the message safe.

    Headers that are larger than a frame would end the connection; they are cut to `fitting`.

    Opening it declares nothing, so that what one message misses does not hold up the others: who finds a
    queue of ours missing calls `declare`.
    """

    def __init__(
        self, address: BrokerAddress, topology: Topology, lanes: Sequence[str], *, timeout: float
    ) -> None:
        self._address = address
        self._topology = topology
        self._lanes = lanes
        self._timeout = timeout
        self._opening = asyncio.Lock()
        self._connection: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None
        self._retired: AbstractChannel | None = None
        self._header_limit = 0  # bytes that headers may take, as the broker of the connection says
        self._under_way: dict[str | None, asyncio.Future[None]] = {}

    async def publish(
        self, message: Message, *, routing_key: str, exchange: str = "", apart: bool = False
    ) -> None:
        """Publish one message and wait for its confirmation.

        With `apart` on a channel of its own, which the others use from then on if the message is taken there.
        For a queue that refuses: when the leader of a quorum queue is lost at the wrong instant, a channel
        goes on refusing whatever is published there, after others have long been served (3.10.8, cluster of
        three).

        Raises:
            UnroutableError: It was returned, or there is no such exchange.
            RejectedError: It was refused.
            TooLargeError: It is larger than what the broker takes.
            BrokerUnavailableError: It was not confirmed in time, or the connection was lost: whether the
                broker has it is not known, so publish it again.
            BrokerRefusedError: The connection could not be opened, or publishing is not allowed.
        """
        async with self._alone(message.message_id):
            channel = await self._open_channel()
            try:
                if apart:
                    await self._publish_apart(message, exchange, routing_key)
                else:
                    await self._publish(channel, message, exchange, routing_key)
            except BrokerUnavailableError:
                # What it had queued goes with it, so nothing is sent late and twice.
                await self._discard(channel)
                raise

    @asynccontextmanager
    async def _alone(self, message_id: str | None) -> AsyncIterator[None]:
        """Wait until no other message of this id is under way.

        aiormq tells by its id which message was returned: of two, the wrong one would count as confirmed.
        """
        while (earlier := self._under_way.get(message_id)) is not None:
            await asyncio.wait({earlier})
        under_way = self._under_way[message_id] = asyncio.get_running_loop().create_future()
        try:
            yield
        finally:
            del self._under_way[message_id]
            under_way.set_result(None)

    async def _publish_apart(self, message: Message, exchange: str, routing_key: str) -> None:
        connection = self._connection
        if connection is None:
            raise BrokerUnavailableError("publish: the connection was lost")
        channel = await self._new_channel(connection)
        try:
            await self._publish(channel, message, exchange, routing_key)
        except BaseException:
            await close_quietly(channel)
            raise
        if self._connection is connection:
            # What is under way on the channel from before is still confirmed there.
            self._channel, self._retired, old = channel, self._channel, self._retired
            await close_quietly(old)

    async def _publish(
        self, channel: AbstractChannel, message: Message, exchange: str, routing_key: str
    ) -> None:
        try:
            with translated(f"publish to {exchange or routing_key}"), _confirmed_within(self._timeout):
                underlay = await channel.get_underlay_channel()
                async with asyncio.timeout(self._timeout):
                    await underlay.basic_publish(
                        message.body,
                        exchange=exchange,
                        routing_key=routing_key,
                        properties=to_properties(fitting(message, self._header_limit)),
                        mandatory=True,
                        wait=False,  # type: ignore[call-arg] # the type of channel has it, its protocol has not
                    )
        except BrokerRefusedError as error:
            if (limit := size_limit(str(error))) is None:
                raise
            if len(message.body) > limit:
                raise TooLargeError(limit) from error
            raise BrokerUnavailableError("publish: another message closed the channel") from error
        except BrokerUnavailableError as error:
            if isinstance(error.__cause__, PublishError):
                raise UnroutableError(
                    f"no queue takes {exchange or 'the default exchange'} / {routing_key}"
                ) from error
            # Whoever else publishes on this channel hears the same; it is about an exchange with a name.
            if exchange and isinstance(error.__cause__, ChannelNotFoundEntity):
                raise UnroutableError(str(error)) from error
            if isinstance(error.__cause__, DeliveryError):
                raise RejectedError(f"refused by {exchange or routing_key}") from error
            raise

    @property
    def is_open(self) -> bool:
        """True while the connection stands; it is opened by the first publish."""
        return self._channel is not None and not self._channel.is_closed

    async def declare(self) -> None:
        """Declare the topology, so that what was deleted while the daemon ran is there again.

        Raises:
            BrokerUnavailableError: The broker is away.
            BrokerRefusedError: The broker says no.
        """
        await self._open_channel()
        if (connection := self._connection) is not None:
            await declare_topology(connection, self._topology, self._lanes, timeout=self._address.timeout)

    def change(self, address: BrokerAddress, *, timeout: float) -> None:
        """Use another address from the next connection on, and at once another timeout."""
        self._address = address
        self._timeout = timeout

    async def close(self) -> None:
        """Close the connection; a later publish opens it again."""
        connection, self._connection, self._channel, self._retired = self._connection, None, None, None
        await close_quietly(connection)

    async def _open_channel(self) -> AbstractChannel:
        if self._channel is not None and not self._channel.is_closed and not self._opening.locked():
            return self._channel
        async with self._opening:
            if self._channel is not None and not self._channel.is_closed:
                return self._channel
            await self.close()
            connection = await connect(self._address, "ingestkit-pdfd publisher")
            try:
                channel = await self._new_channel(connection)
            except BaseException:
                await close_quietly(connection)
                raise
            transport = connection.transport
            assert transport is not None
            self._header_limit = transport.connection.connection_tune.frame_max - _OTHER_PROPERTIES
            self._connection, self._channel = connection, channel
            return channel

    async def _new_channel(self, connection: AbstractConnection) -> AbstractChannel:
        with translated("open a channel"):
            channel = connection.channel(publisher_confirms=True, on_return_raises=True)
            await channel.initialize(timeout=self._address.timeout)
        return channel

    async def _discard(self, channel: AbstractChannel) -> None:
        async with self._opening:
            if self._channel is channel:
                await self.close()
