"""Frames between the pool and one worker, and the page counter they share.

What comes from a worker was made by a process that parsed a hostile document, so it is read as
lengths, JSON and bytes, within limits, and never unpickled.
"""

from __future__ import annotations

import json
import mmap
import os
import socket
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, BinaryIO

__all__ = ["ChannelError", "Frame", "FrameReader", "Kind", "Progress", "read_frame", "write_frame"]

_HEADER = struct.Struct("<4sBIQ")
_MAGIC = b"IKPF"
_MAX_META = 256 * 1024
_MAX_BODY = 2 * 1024**3
_MAX_PAGE = 2**31
_PROGRESS_SIZE = 24


class Kind(IntEnum):
    """What a frame is."""

    TASK = 1
    READY = 2
    RESULT = 3
    FAILURE = 4
    OFFER = 5
    TAKE = 6
    PART = 7


_KINDS = frozenset(Kind)


class ChannelError(Exception):
    """The other side sent what is not a frame."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message: a few facts as JSON, and bytes."""

    kind: Kind
    meta: dict[str, Any]
    body: bytes


def write_frame(sock: socket.socket, kind: Kind, meta: dict[str, Any], body: bytes = b"") -> None:
    """Send one frame; blocks as long as the socket's timeout allows."""
    text = json.dumps(meta).encode()
    head = _HEADER.pack(_MAGIC, kind, len(text), len(body)) + text
    if len(body) <= 65536:
        sock.sendall(head + body)
        return
    sock.sendall(head)
    sock.sendall(body)


def read_frame(sock: socket.socket) -> Frame | None:
    """Wait on a blocking socket for one frame; None when the other side has closed."""
    return FrameReader(sock).receive()


class FrameReader:
    """Reads frames piece by piece, so that a writer that stops halfway stops nobody else."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._header: tuple[Kind, int] | None = None
        self.closed = False
        self._expect(_HEADER.size)

    def _expect(self, size: int) -> None:
        self._buffer = bytearray(size)
        self._filled = 0

    def receive(self) -> Frame | None:
        """Read what is there; a frame when it is complete.

        Raises:
            ChannelError: The bytes are not a frame, or it is larger than a frame may be.
        """
        while True:
            while self._filled < len(self._buffer):
                count = self._read()
                if count == 0:
                    return None
                self._filled += count
            if self._header is not None:
                return self._finish(*self._header)
            self._begin()

    def _read(self) -> int:
        try:
            count = self._sock.recv_into(memoryview(self._buffer)[self._filled :])
        except BlockingIOError:
            return 0
        except ConnectionResetError:
            count = 0
        self.closed = count == 0
        return count

    def _begin(self) -> None:
        magic, kind, meta_size, body_size = _HEADER.unpack(self._buffer)
        if magic != _MAGIC or kind not in _KINDS or meta_size > _MAX_META or body_size > _MAX_BODY:
            raise ChannelError("not a frame")
        self._header = (Kind(kind), meta_size)
        self._expect(meta_size + body_size)

    def _finish(self, kind: Kind, meta_size: int) -> Frame:
        view = memoryview(self._buffer)
        try:
            meta = json.loads(bytes(view[:meta_size]))
        except ValueError as error:
            raise ChannelError("a frame's facts are not JSON") from error
        if not isinstance(meta, dict):
            raise ChannelError("a frame's facts are not a table")
        body = bytes(view[meta_size:])
        self._header = None
        self._expect(_HEADER.size)
        return Frame(kind, meta, body)


class Progress:
    """A few bytes that worker and pool share: which task was begun, on which page it is, and of how many.

    Memory rather than messages, because it must be readable after the worker's death at any instant;
    each number is one aligned word.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._map = mmap.mmap(file.fileno(), _PROGRESS_SIZE)
        self._words = memoryview(self._map).cast("Q")

    @classmethod
    def create(cls) -> Progress:
        """A new one, all zero."""
        file = os.fdopen(os.memfd_create("ingestkit-progress", os.MFD_CLOEXEC), "r+b", buffering=0)
        file.truncate(_PROGRESS_SIZE)
        return cls(file)

    @classmethod
    def inherited(cls, fd: int) -> Progress:
        """The worker's view of the same memory."""
        return cls(os.fdopen(fd, "r+b", buffering=0))

    def fileno(self) -> int:
        """What the worker maps."""
        return self._file.fileno()

    def begin(self, number: int) -> None:
        """The worker has taken task `number`."""
        self._words[1] = self._words[2] = 0
        self._words[0] = number

    def begun(self, number: int) -> bool:
        """True when the worker has taken task `number`."""
        return self._words[0] == number

    @property
    def page(self) -> int | None:
        """The page that was begun last, from 1; None before the first."""
        page = self._words[1]
        return page if 0 < page < _MAX_PAGE else None

    def set_page(self, page_number: int) -> None:
        """The worker begins page `page_number`."""
        self._words[1] = max(0, page_number)

    @property
    def pages(self) -> int | None:
        """How many pages there are; None where the worker has not told."""
        pages = self._words[2]
        return pages if 0 < pages < _MAX_PAGE else None

    def set_pages(self, pages: int) -> None:
        """The worker has counted the pages."""
        self._words[2] = max(0, pages)

    def close(self) -> None:
        """Unmap it."""
        self._words.release()
        self._map.close()
        self._file.close()
