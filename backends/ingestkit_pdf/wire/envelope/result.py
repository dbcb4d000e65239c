"""A result: whole or in parts, and put together again."""

from __future__ import annotations

import hashlib
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ingestkit_pdf.wire.envelope.message import (
    H_PART,
    H_PARTS,
    H_REDRIVE,
    H_SHA256,
    H_TRACEPARENT,
    MAX_REDRIVES,
    HeaderValue,
    InvalidMessageError,
    Message,
    checked_id,
    int_header,
    quoted,
    text_header,
)

__all__ = [
    "RESULT_TYPE",
    "ResultAssembler",
    "ResultPart",
    "ResultTooLargeError",
    "decode_result_part",
    "encode_result",
    "in_smaller_parts",
]

RESULT_TYPE = "ingestkit.pdf.result.v1"

PART_SIZE = 8 * 1024 * 1024
"""A result longer than this many bytes on the wire travels in parts of this size."""

_COMPRESS_FROM = 64 * 1024
_MAX_PARTS = 1024
_MAX_RESULT_BYTES = 512 * 1024 * 1024
"""Of JSON, unpacked: what a worker makes in its 2 GiB is far smaller, and 64 MiB of zeros travel as 65 KB."""


class ResultTooLargeError(InvalidMessageError):
    """A result that takes more memory than a client gives it; otherwise it may be a good one."""

    def __init__(self) -> None:
        super().__init__(f"it takes more than {_MAX_RESULT_BYTES // 2**20} MiB")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultPart:
    """One message of a result: part `part` of `parts`, counted from 1.

    The first answer of a job counts; one of a later `redrive` takes the place of an earlier one's.
    """

    job_id: str
    part: int
    parts: int
    sha256: str
    content_encoding: str | None
    body: bytes
    redrive: int = 0
    traceparent: str | None = None

    @property
    def answer(self) -> tuple[str, int]:
        """Tells the answers of one job apart: by the digest of the whole, and by the number of its parts.

        One that was begun in large parts is sent again in small ones where the broker takes less.
        """
        return self.sha256, self.parts


def encode_result(
    job_id: str,
    body: bytes,
    *,
    part_size: int = PART_SIZE,
    traceparent: str | None = None,
    redrive: int = 0,
) -> list[Message]:
    """A result (JSON in UTF-8) as one message, or as numbered parts where it is long."""
    encoding = None
    if len(body) >= _COMPRESS_FROM:
        body, encoding = zlib.compress(body, level=1), "deflate"
    digest = hashlib.sha256(body).hexdigest()
    more: dict[str, HeaderValue] = {H_TRACEPARENT: traceparent} if traceparent else {}
    if redrive:
        more[H_REDRIVE] = redrive
    whole = Message(
        body=body,
        type=RESULT_TYPE,
        message_id=job_id,
        correlation_id=job_id,
        content_type="application/json",
        content_encoding=encoding,
        timestamp=int(time.time()),
        headers={H_SHA256: digest, **more},
    )
    return _in_parts(whole, part_size)


def in_smaller_parts(parts: Sequence[Message], part_size: int) -> list[Message]:
    """The same result, for a broker that takes no more than `part_size` bytes in a message."""
    return _in_parts(replace(parts[0], body=b"".join(part.body for part in parts)), part_size)


def _in_parts(whole: Message, size: int) -> list[Message]:
    pieces = [whole.body[start : start + size] for start in range(0, len(whole.body), size)] or [b""]
    return [
        replace(whole, body=piece, headers={**whole.headers, H_PART: number, H_PARTS: len(pieces)})
        for number, piece in enumerate(pieces, start=1)
    ]


def decode_result_part(message: Message) -> ResultPart:
    """Validate a message as (a part of) a result.

    Raises:
        InvalidMessageError: Anything about it is not as the wire format says.
    """
    if message.type != RESULT_TYPE:
        raise InvalidMessageError(f"type is {quoted(message.type)}, expected {RESULT_TYPE}")
    if message.content_encoding not in {None, "", "deflate"}:
        raise InvalidMessageError(f"content_encoding {quoted(message.content_encoding)} is unknown")
    parts = int_header(message, H_PARTS, default=None, low=1, high=_MAX_PARTS)
    return ResultPart(
        job_id=checked_id(message),
        part=int_header(message, H_PART, default=None, low=1, high=parts),
        parts=parts,
        sha256=text_header(message, H_SHA256, limit=64) or "",
        content_encoding=message.content_encoding or None,
        body=message.body,
        redrive=int_header(message, H_REDRIVE, default=0, low=0, high=MAX_REDRIVES),
        traceparent=text_header(message, H_TRACEPARENT, limit=128),
    )


class ResultAssembler:
    """Puts the parts of one result together, in any order, duplicates included.

    A job that was answered twice (the daemon died between reply and acknowledgement) may have parts of
    two runs in the queue, or of two sizes; parts are kept by the answer they belong to, so they never mix.
    """

    def __init__(self) -> None:
        self._parts: dict[tuple[str, int], dict[int, bytes]] = {}

    def add(self, part: ResultPart) -> bytes | None:
        """Take one part; the whole result (JSON in UTF-8) once it is complete, else None.

        Raises:
            InvalidMessageError: The whole does not have the declared digest or does not decompress.
            ResultTooLargeError: It is larger than what is taken.
        """
        pieces = self._parts.setdefault(part.answer, {})
        pieces[part.part] = part.body
        if len(pieces) < part.parts:
            return None
        if sum(map(len, pieces.values())) > _MAX_RESULT_BYTES:
            raise ResultTooLargeError
        body = b"".join(pieces[number] for number in sorted(pieces))
        if hashlib.sha256(body).hexdigest() != part.sha256:
            raise InvalidMessageError("result does not have the declared SHA-256")
        return _inflate(body) if part.content_encoding == "deflate" else body


def _inflate(body: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        whole = inflater.decompress(body, _MAX_RESULT_BYTES + 1)
    except zlib.error as error:
        raise InvalidMessageError(f"result does not decompress: {error}") from error
    if len(whole) > _MAX_RESULT_BYTES:
        raise ResultTooLargeError
    if not inflater.eof:
        raise InvalidMessageError("result does not decompress: it is cut short")
    return whole
