"""Between the project's `Message` and what aiormq sends and receives.

The hot path (deliveries, acknowledgements, publishes) uses aiormq's channel directly, which aio-pika hands
out: aio-pika's own messages are made, checked and copied for every job, and cost more than sending it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aio_pika import DeliveryMode
from aiormq import spec
from aiormq.abc import DeliveredMessage

from ingestkit_pdf.wire.envelope import Message

__all__ = ["from_delivered", "to_properties"]


def to_properties(message: Message) -> spec.Basic.Properties:
    """The properties of the message."""
    return spec.Basic.Properties(
        headers=dict(message.headers),
        message_type=message.type,
        message_id=message.message_id,
        correlation_id=message.correlation_id,
        reply_to=message.reply_to,
        content_type=message.content_type,
        content_encoding=message.content_encoding,
        timestamp=None if message.timestamp is None else datetime.fromtimestamp(message.timestamp, UTC),
        app_id=message.app_id,
        delivery_mode=DeliveryMode.NOT_PERSISTENT if message.transient else DeliveryMode.PERSISTENT,
    )


def from_delivered(delivered: DeliveredMessage) -> Message:
    """A delivered message, nothing about it trusted yet."""
    properties = delivered.header.properties
    headers: Mapping[str, Any] = properties.headers or {}
    return Message(
        body=delivered.body,
        headers=headers,
        type=properties.message_type,
        message_id=properties.message_id,
        correlation_id=properties.correlation_id,
        reply_to=properties.reply_to,
        content_type=properties.content_type,
        content_encoding=properties.content_encoding,
        timestamp=int(properties.timestamp.timestamp()) if properties.timestamp else None,
        app_id=properties.app_id,
    )
