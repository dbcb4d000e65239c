"""Headers of messages that pamqp refuses."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import UTC, datetime

import pamqp.frame
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from ingestkit_pdfd.amqp.frames import decode_leniently
from support.raw_frames import nested_table

PROPERTIES = Basic.Properties
AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def lenient() -> Iterator[None]:
    strictly = pamqp.frame.unmarshal
    decode_leniently()
    yield
    pamqp.frame.unmarshal = strictly


def frame(payload: bytes, *, kind: int = 2) -> bytes:
    return struct.pack(">BHI", kind, 7, len(payload)) + payload + b"\xce"


def header_of(flags: int, properties: bytes) -> ContentHeader:
    payload = struct.pack(">HHQH", 60, 0, 123, flags) + properties
    size, channel, header = pamqp.frame.unmarshal(frame(payload))
    assert isinstance(header, ContentHeader)
    assert (size, channel, header.body_size) == (len(payload) + 8, 7, 123)
    return header


def table_of(*entries: bytes) -> object:
    """The header table of these entries and of one that pamqp refuses."""
    data = b"".join(entries) + b"\x03badT" + b"\xff" * 8
    return header_of(PROPERTIES.flags["headers"], struct.pack(">I", len(data)) + data).properties.headers


def test_what_is_well_in_a_refused_header_is_kept() -> None:
    """A job would lose its own headers, its delivery count among them, for a stranger's."""
    known = {
        "text": "ä",
        "count": 3,
        "large": 2**40,
        "yes": True,
        "half": 0.5,
        "nothing": None,
        "time": AT,
        "list": [1, "two", {"three": 3}],
        "table": {"of": {"table": "s"}},
        "bytes": bytearray(b"\xff"),
    }
    encoded = PROPERTIES(headers=known).marshal()[2:]
    assert table_of(encoded[4:]) == {**known, "bad": None}


def test_text_that_is_not_utf8_does_not_grow() -> None:
    """A property of 255 bytes could not be sent on."""
    text = b"\xff" * 255
    header = header_of(PROPERTIES.flags["app_id"], b"\xff" + text)
    assert header.properties.app_id == "?" * 255


def test_deep_tables_end_somewhere() -> None:
    """Twenty thousand tables fit into a frame, and a thousand calls into Python's stack."""
    found = table_of(nested_table(20_000))
    depth = 0
    while isinstance(found, dict) and found.get("t") is not None:
        found, depth = found["t"], depth + 1
    assert 10 < depth < 100


@given(st.integers(0, 0xFFFE), st.binary(max_size=300))
def test_whatever_follows_the_size_of_the_body_is_a_header(flags: int, properties: bytes) -> None:
    """Some other bytes would end the connection all the same."""
    header_of(flags & 0xFFF8, properties)


def test_a_frame_that_is_no_header_is_refused_as_ever() -> None:
    """The daemon would go on with a connection that has lost its place."""
    with pytest.raises(pamqp.exceptions.UnmarshalingException):
        pamqp.frame.unmarshal(frame(b"\xff" * 20, kind=1))
