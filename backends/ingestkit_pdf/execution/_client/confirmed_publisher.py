"""Publishing message by message, each confirmed before the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pika import spec

from ingestkit_pdf.execution._client.amqp import properties_of
from ingestkit_pdf.execution._client.declare import open_channel
from ingestkit_pdf.execution._client.one_shot import OneShotConnection
from ingestkit_pdf.execution._client.script import Script, Steps
from ingestkit_pdf.wire.envelope import Message

__all__ = ["ConfirmedPublisher"]


class ConfirmedPublisher:
    """Publishes with `mandatory` and confirms, one message at a time."""

    def __init__(self, one_shot: OneShotConnection, exchange: str) -> None:
        self._one_shot = one_shot
        self._exchange = exchange
        self._channel: Any = None
        self._done: Callable[[Any], None] = lambda _answer: None
        self._returned: str | None = None

    def open(self, connection: Any, script: Script) -> Steps:
        """Get ready."""
        channel = self._channel = yield open_channel(connection, script)
        channel.add_on_return_callback(self._on_return)
        yield lambda done: channel.confirm_delivery(self._on_confirm, callback=done)

    def publish(self, message: Message, routing_key: str) -> Steps:
        """Publish; None once the broker has it, else why it was not taken."""

        def call(done: Callable[[Any], None]) -> None:
            self._done, self._returned = done, None
            self._channel.basic_publish(
                self._exchange, routing_key, message.body, properties_of(message), mandatory=True
            )

        frame = yield call
        self._one_shot.progress()
        if self._returned is not None:
            return f"no queue takes jobs of lane {routing_key!r} ({self._returned})"
        if isinstance(frame.method, spec.Basic.Nack):
            return f"the queue of lane {routing_key!r} is full, or its node is being replaced"
        return None

    def _on_confirm(self, frame: Any) -> None:
        self._done(frame)

    def _on_return(self, _channel: Any, method: Any, _properties: Any, _body: bytes) -> None:
        self._returned = method.reply_text
