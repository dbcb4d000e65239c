"""Messages as no library would write them: the properties byte by byte."""

from __future__ import annotations

import struct

import pika
from pika.data import encode_table

from ingestkit_pdf.wire.envelope import Message
from support.amqp import channel

__all__ = ["nested_table", "publish_raw"]

_FLAGS = {
    "content_type": 1 << 15,
    "headers": 1 << 13,
    "delivery_mode": 1 << 12,
    "correlation_id": 1 << 10,
    "reply_to": 1 << 9,
    "message_id": 1 << 7,
    "timestamp": 1 << 6,
    "type": 1 << 5,
    "app_id": 1 << 3,
}


class _Raw(pika.BasicProperties):
    """Properties that were encoded before."""

    def __init__(self, encoded: bytes) -> None:
        super().__init__()
        self._encoded = encoded

    def encode(self) -> list[bytes]:
        return [self._encoded]


def nested_table(depth: int) -> bytes:
    """A header of the name `t` whose value is a table with an entry `t` whose value is a table..."""
    table = b""
    for _ in range(depth):
        table = b"\x01tF" + struct.pack(">I", len(table)) + table
    return table


def publish_raw(
    url: str,
    message: Message,
    *,
    exchange: str,
    routing_key: str,
    timestamp: int | None = None,
    more_headers: bytes = b"",
    **texts: bytes,
) -> None:
    """Publish a message with these bytes in the place of its own properties.

    Args:
        url: The broker.
        message: What is published otherwise.
        exchange: Where to.
        routing_key: Likewise.
        timestamp: Whatever 64 bits hold.
        more_headers: Entries of the header table, encoded.
        texts: Short properties; an empty one is left out.
    """
    stated = {
        "content_type": message.content_type,
        "correlation_id": message.correlation_id,
        "reply_to": message.reply_to,
        "message_id": message.message_id,
        "type": message.type,
        "app_id": message.app_id,
    }
    short = {name: (value or "").encode() for name, value in stated.items()} | texts
    pieces: list[bytes] = []
    encode_table(pieces, dict(message.headers))
    headers = b"".join(pieces)[4:] + more_headers
    flags, encoded = 0, b""
    for name, flag in _FLAGS.items():
        if name == "headers":
            value = struct.pack(">I", len(headers)) + headers
        elif name == "delivery_mode":
            value = b"\x02"
        elif name == "timestamp":
            value = b"" if timestamp is None else struct.pack(">Q", timestamp)
        else:
            value = bytes([len(short[name])]) + short[name] if short[name] else b""
        if value:
            flags, encoded = flags | flag, encoded + value
    with channel(url) as opened:
        properties = _Raw(struct.pack(">H", flags) + encoded)
        opened.basic_publish(exchange, routing_key, message.body, properties, mandatory=True)
