"""A document that several workers read, as a worker sees it: the pool at the other end of its channel."""

from __future__ import annotations

import socket

from ingestkit_pdf.execution._channel import Kind, read_frame, write_frame

__all__ = ["ChannelShare"]

Part = tuple[int, int, bytes | None, bool]
"""First unit, the one after the last, what a helper has made of them, whether one has failed on them."""


class ChannelShare:
    """Asks the pool; see `ingestkit_pdf.pdf.share.Share`.

    Args:
        sock: The channel of this worker.
        plan: For a helper: what it must know.
    """

    def __init__(self, sock: socket.socket, plan: bytes = b"") -> None:
        self.plan = plan
        self._sock = sock
        self._done = b""

    def offer(self, plan: bytes, start: int, stop: int) -> None:
        """Let idle workers have a part of the units from `start` up to `stop`."""
        write_frame(self._sock, Kind.OFFER, {"start": start, "stop": stop}, plan)

    def take(self, most: int) -> Part | None:
        """The next part, or None; hands over what was done."""
        body, self._done = self._done, b""
        write_frame(self._sock, Kind.TAKE, {"most": most}, body)
        answer = read_frame(self._sock)
        if answer is None:
            raise ConnectionResetError("the pool has given this worker up")
        facts = answer.meta
        if "start" not in facts:
            return None
        return facts["start"], facts["stop"], answer.body or None, bool(facts.get("failed"))

    def give(self, body: bytes) -> None:
        """Keep what was made of this part until the next one is taken."""
        self._done = body
