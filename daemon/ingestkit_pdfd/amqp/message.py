"""Between the project's `Message` and aio-pika's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aio_pika import DeliveryMode
from aio_pika import Message as PikaMessage
from aio_pika.abc import AbstractIncomingMessage

from ingestkit_pdf.wire.envelope import Message

__all__ = ["from_pika", "to_pika"]


def to_pika(message: Message) -> PikaMessage:
    """The message as aio-pika sends it; always persistent."""
    return PikaMessage(
        message.body,
        headers=dict(message.headers),
        type=message.type,
        message_id=message.message_id,
        correlation_id=message.correlation_id,
        reply_to=message.reply_to,
        content_type=message.content_type,
        content_encoding=message.content_encoding,
        timestamp=message.timestamp,
        app_id=message.app_id,
        delivery_mode=DeliveryMode.PERSISTENT,
    )


def from_pika(incoming: AbstractIncomingMessage) -> Message:
    """A delivered message, nothing about it trusted yet."""
    headers: Mapping[str, Any] = incoming.headers or {}
    return Message(
        body=incoming.body,
        headers=headers,
        type=incoming.type,
        message_id=incoming.message_id,
        correlation_id=incoming.correlation_id,
        reply_to=incoming.reply_to,
        content_type=incoming.content_type,
        content_encoding=incoming.content_encoding,
        timestamp=int(incoming.timestamp.timestamp()) if incoming.timestamp else None,
        app_id=incoming.app_id,
    )
