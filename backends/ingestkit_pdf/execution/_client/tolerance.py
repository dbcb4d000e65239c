"""Reading messages that pika cannot: anybody may have published them, and the broker takes them.

pika 1.4 raises on a moment after the year 9999 and on a thousand tables one within the other, which costs the
connection; the broker then delivers the same message on the next one, and so on.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from pika import data, spec
from pika.adapters.select_connection import SelectConnection
from pika.frame import Header

__all__ = ["TolerantConnection", "read_header"]

_MAX_DEPTH = 8
"""Of headers in headers. The broker's own, `x-death`, are three deep."""

_SMALL = 64 * 1024

_SIZES = {b"t": 1, b"b": 1, b"B": 1, b"U": 2, b"u": 2, b"s": 2, b"I": 4, b"i": 4, b"f": 4, b"D": 5, b"V": 0}
_SIZES |= dict.fromkeys((b"L", b"l", b"d", b"T"), 8)
_MEASURED = (b"S", b"x", b"A", b"F")  # begin with their length


class TolerantConnection(SelectConnection):  # type: ignore[misc] # pika has no types
    """A connection that a message with unreadable properties does not end: they are None then."""

    def _read_frame(self) -> Any:  # pika has no public way
        try:
            return super()._read_frame()
        except Exception:
            header = read_header(self._frame_buffer)
            if header is None:
                raise
            return header

    def _output_marshaled_frames(self, marshaled_frames: Sequence[bytes]) -> None:
        """A small message in one piece: pika sends each of its three frames with a system call of its own."""
        if sum(map(len, marshaled_frames)) <= _SMALL:
            marshaled_frames = [b"".join(marshaled_frames)]
        super()._output_marshaled_frames(marshaled_frames)


def read_header(buffer: bytes) -> tuple[int, Header] | None:
    """The content header that `buffer` begins with, and its length; None if it begins with something else."""
    kind, channel, size = struct.unpack_from(">BHI", buffer)
    if kind != spec.FRAME_HEADER:
        return None
    payload = bytes(buffer[spec.FRAME_HEADER_SIZE : spec.FRAME_HEADER_SIZE + size])
    body_size, flags = struct.unpack_from(">QH", payload, 4)
    start = 14
    for flag in (spec.BasicProperties.FLAG_CONTENT_TYPE, spec.BasicProperties.FLAG_CONTENT_ENCODING):
        if flags & flag:
            start += 1 + payload[start]
    if not flags & spec.BasicProperties.FLAG_HEADERS:
        return None
    table, end = _measured(payload, start)
    # What pika trips over is in the table; the rest it reads.
    properties = spec.BasicProperties().decode(payload[12:start] + bytes(4) + payload[end:])
    properties.headers = _table(table, _MAX_DEPTH)
    return spec.FRAME_HEADER_SIZE + size + spec.FRAME_END_SIZE, Header(channel, body_size, properties)


def _measured(encoded: bytes, offset: int) -> tuple[bytes, int]:
    start = offset + 4
    end = start + int(struct.unpack_from(">I", encoded, offset)[0])
    return encoded[start:end], end


def _table(encoded: bytes, depth: int) -> dict[str | bytes, Any]:
    table: dict[str | bytes, Any] = {}
    offset = 0
    while offset < len(encoded):
        name, offset = data.decode_short_string(encoded, offset)
        table[name], offset = _value(encoded, offset, depth)
    return table


def _array(encoded: bytes, depth: int) -> list[Any]:
    array = []
    offset = 0
    while offset < len(encoded):
        value, offset = _value(encoded, offset, depth)
        array.append(value)
    return array


def _value(encoded: bytes, offset: int, depth: int) -> tuple[Any, int]:
    """A value and where it ends; None for what is too deep or cannot be read."""
    kind = encoded[offset : offset + 1]
    if kind in {b"A", b"F"}:
        inner, end = _measured(encoded, offset + 1)
        read = _table if kind == b"F" else _array
        return read(inner, depth - 1) if depth else None, end
    if kind in _MEASURED:
        end = _measured(encoded, offset + 1)[1]
    else:
        end = offset + 1 + _SIZES.get(kind, len(encoded))  # of another kind: nobody knows where it ends
    try:
        return data.decode_value(encoded, offset)[0], end
    except Exception:  # noqa: BLE001 - whatever pika says of a number or a moment
        return None, end
