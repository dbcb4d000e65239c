"""Messages that the broker takes and whose properties pika's own decoder trips over."""

from __future__ import annotations

import struct
from typing import Any

import pika

from ingestkit_pdf.execution._client.amqp import properties_of
from ingestkit_pdf.wire.envelope import Message

__all__ = ["UNREADABLE", "unreadable"]


def _nested(levels: int) -> bytes:
    """A table in a table in a table."""
    table = b"\1xV"
    for _ in range(levels):
        table = b"\1xF" + struct.pack(">I", len(table)) + table
    return table


UNREADABLE: dict[str, tuple[bytes, dict[str, Any]]] = {
    "a moment after the year 9999": (b"\1xT" + struct.pack(">Q", 2**62), {"timestamp": 2**62}),
    "tables in tables": (_nested(5000), {}),
    "text that is no text": (b"\2\xff\xfeS" + struct.pack(">I", 2) + b"\xff\xfe", {"type": b"\xff\xfe"}),
    "an id that is no text": (
        b"",
        {"message_id": b"\xff" * 255, "correlation_id": b"\xff", "app_id": b"\xff"},
    ),
}
"""By what is wrong with it: the table of headers as it travels, and further properties."""


class _Raw(pika.BasicProperties):
    """Properties whose headers begin with those bytes."""

    table: bytes = b""

    def encode(self) -> list[bytes]:
        """The pieces of a header frame, in which the table is one piece with its length."""
        pieces: list[bytes] = super().encode()
        ours: list[bytes] = []
        pika.data.encode_table(ours, self.headers)
        whole = self.table + b"".join(ours)[4:]
        start = next(at for at in range(len(pieces)) if pieces[at : at + len(ours)] == ours)
        pieces[start : start + len(ours)] = [struct.pack(">I", len(whole)) + whole]
        return pieces


def unreadable(message: Message, what: str) -> pika.BasicProperties:
    """The properties of this message, made unreadable."""
    table, others = UNREADABLE[what]
    properties = _Raw(**{**vars(properties_of(message)), **others})
    properties.table = table
    return properties
