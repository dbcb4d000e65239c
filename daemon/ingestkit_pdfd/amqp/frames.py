"""Headers of messages that pamqp cannot decode, decoded as far as they can be.

A broker passes on what a publisher wrote: a time in microseconds, text that is not UTF-8, tables in tables in
tables. pamqp raises, aiormq ends the connection for that, and the broker delivers everything on it again: one
message would take down every consumer of its lane for ever. Neither has a hook for it; aiormq looks up
`pamqp.frame.unmarshal` for every frame, so that is what is replaced. What pamqp does decode is not touched.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress

import pamqp.frame
from pamqp import constants, decode
from pamqp.common import FieldTable, FieldValue
from pamqp.frame import FrameTypes
from pamqp.header import ContentHeader

__all__ = ["decode_leniently"]

_MAX_DEPTH = 16
"""Tables within tables; what is deeper is left out."""

_FIXED = struct.Struct(">HHQH")
"""What a content header begins with: class, weight, size of the body, and which properties there are."""

_SIZES = {
    **dict.fromkeys((b"V", b"\0"), 0),
    **dict.fromkeys((b"t", b"b", b"B"), 1),
    **dict.fromkeys((b"s", b"u"), 2),
    **dict.fromkeys((b"I", b"i", b"f"), 4),
    b"D": 5,
    **dict.fromkeys((b"l", b"L", b"d", b"T"), 8),
}
"""Bytes of a value in a table, by its type (https://www.rabbitmq.com/amqp-0-9-1-errata.html)."""

_strictly = pamqp.frame.unmarshal


def decode_leniently() -> None:
    """Have this process, from now on, take headers of messages that pamqp refuses."""
    pamqp.frame.unmarshal = _unmarshal


def _unmarshal(data_in: bytes) -> tuple[int, int, FrameTypes]:
    try:
        return _strictly(data_in)
    except Exception:
        if data_in[0] != constants.FRAME_HEADER:
            raise
        _, channel, _ = pamqp.frame.frame_parts(data_in)
        return len(data_in), channel, _content_header(data_in[constants.FRAME_HEADER_SIZE : -1])


class _Reader:
    """Reads on in some bytes; a ValueError where there are too few."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        if len(taken) < size:
            raise ValueError("the data end in the middle of a value")
        self._at += size
        return taken

    def take_counted(self, width: int) -> bytes:
        return self.take(int.from_bytes(self.take(width), "big"))

    @property
    def at_end(self) -> bool:
        return self._at >= len(self._data)


def _content_header(data: bytes) -> ContentHeader:
    """The size of the body, and of the properties what can be made of them."""
    header = ContentHeader()
    reader = _Reader(data)
    header.class_id, header.weight, header.body_size, flags = _FIXED.unpack(reader.take(_FIXED.size))
    properties = header.properties
    with suppress(ValueError):
        for name, flag in properties.flags.items():
            if flags & flag:
                setattr(properties, name, _property(properties.amqp_type(name), reader))
    return header


def _property(kind: str, reader: _Reader) -> FieldValue:
    match kind:
        case "shortstr":
            return _text(reader.take_counted(1))
        case "table":
            return _table(reader.take_counted(4), depth=1)
        case "timestamp":
            return _fixed(b"T", reader)
        case _:
            return reader.take(1)[0]


def _table(data: bytes, depth: int) -> FieldTable:
    reader = _Reader(data)
    table: FieldTable = {}
    with suppress(ValueError):
        while not reader.at_end:
            name = _text(reader.take_counted(1))
            table[name] = _value(reader, depth)
    return table


def _array(data: bytes, depth: int) -> Iterator[FieldValue]:
    reader = _Reader(data)
    with suppress(ValueError):
        while not reader.at_end:
            yield _value(reader, depth)


def _value(reader: _Reader, depth: int) -> FieldValue:
    match kind := reader.take(1):
        case b"S":
            return _text(reader.take_counted(4))
        case b"x":
            return bytearray(reader.take_counted(4))
        case b"F" | b"A":
            data = reader.take_counted(4)
            if depth == _MAX_DEPTH:
                return None
            return _table(data, depth + 1) if kind == b"F" else list(_array(data, depth + 1))
        case _:
            return _fixed(kind, reader)


def _fixed(kind: bytes, reader: _Reader) -> FieldValue:
    if kind not in _SIZES:
        raise ValueError("a value of a type that nobody knows")
    data = reader.take(_SIZES[kind])
    try:
        return decode.TABLE_MAPPING[kind](data)[1]
    except (ValueError, OverflowError, OSError):
        return None  # a time that no calendar has


def _text(data: bytes) -> str:
    """What is not UTF-8 as question marks, which are no longer than what they stand for."""
    return data.decode("utf-8", "replace").replace("\ufffd", "?")
