"""Properties that pika cannot read, and those that it can."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pika
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika.frame import Header, decode_frame

from ingestkit_pdf.execution._client.amqp import to_message
from ingestkit_pdf.execution._client.tolerance import read_header
from ingestkit_pdf.wire.envelope import Message
from support.unreadable import UNREADABLE, unreadable

plain = (
    st.text(max_size=20)
    | st.integers(-(2**63), 2**63 - 1)
    | st.booleans()
    | st.none()
    | st.binary(max_size=20)
    | st.just(datetime(2024, 1, 1, tzinfo=UTC))
    | st.just(Decimal("1.5"))
)
values = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, min_size=1, max_size=3)
    ),
    max_leaves=6,
).filter(lambda value: depth(value) < 8)
words = st.none() | st.text(max_size=30)


def depth(value: Any) -> int:
    """How many tables and lists are one within the other."""
    if isinstance(value, list | dict):
        return 1 + max(map(depth, value.values() if isinstance(value, dict) else value), default=0)
    return 0


def framed(properties: pika.BasicProperties, size: int = 0) -> bytes:
    """A content header as it travels, and the beginning of what follows."""
    return bytes(Header(3, size, properties).marshal()) + b"\3\0\3"


@given(st.dictionaries(st.text(max_size=20), values, max_size=4), words, words, words, st.integers(0, 2**60))
def test_what_pika_can_read_is_read_alike(
    headers: dict[str, Any], kind: str | None, encoding: str | None, message_id: str | None, size: int
) -> None:
    """A message of which one header is odd would come out with other properties than it has."""
    properties = pika.BasicProperties(
        headers=headers, content_type=kind, content_encoding=encoding, message_id=message_id, timestamp=size
    )
    frame = framed(properties, size)
    used, theirs = decode_frame(frame)
    found = read_header(frame)
    assert found is not None
    assert isinstance(theirs, Header)
    assert (found[0], found[1].body_size, found[1].channel_number) == (used, size, 3)
    assert vars(found[1].properties) == vars(theirs.properties)


@pytest.mark.parametrize("what", UNREADABLE)
def test_what_pika_cannot_read_is_left_out(what: str) -> None:
    """The message would be lost with all that can be read of it, or block its queue."""
    message = Message(body=b"", message_id="one", headers={"x-ingestkit-part": 7})
    found = read_header(framed(unreadable(message, what)))
    assert found is not None
    read = to_message(found[1].properties, b"")
    assert read.headers["x-ingestkit-part"] == 7
    assert read.message_id in {"one", "?" * 255}
    assert all(isinstance(name, str) for name in read.headers)


def test_other_frames_are_not_taken_for_headers() -> None:
    """What is really wrong with a connection would go unnoticed."""
    assert read_header(pika.frame.Body(3, b"body").marshal()) is None
