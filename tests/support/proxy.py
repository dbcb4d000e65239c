"""A TCP proxy in front of a broker whose connections a test can cut, hold back or refuse.

In front of the nodes of a cluster it is the load balancer that an operator would have there.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

__all__ = ["Proxy"]

_PIECES_UNDER_WAY = 256
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER with no time to linger: closing sends a reset


class Proxy:
    """Passes bytes between its own port and the broker's, in a thread of its own.

    Args:
        url: AMQP URL of the broker; `self.url` is the same through the proxy.
        others: Those of the other nodes. Each connection goes to the next one of them that takes it.

    Attributes:
        accepted: Connections so far.
        delay: Seconds by which each piece is late.
    """

    def __init__(self, url: str, *others: str) -> None:
        parts = urlsplit(url)
        self._targets = deque(_address(each) for each in (url, *others))
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._open = {"up": asyncio.Event(), "down": asyncio.Event()}
        self._accepting = True
        self.accepted = 0
        self.delay = 0.0
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._server = self._call(lambda: asyncio.start_server(self._serve, "127.0.0.1", 0))
        self._do(lambda: [event.set() for event in self._open.values()])
        port = self._server.sockets[0].getsockname()[1]
        credentials = parts.netloc.rpartition("@")[0]
        self.url = urlunsplit(parts._replace(netloc=f"{credentials}@127.0.0.1:{port}"))

    def cut(self) -> None:
        """Reset every connection; new ones are accepted."""
        self._do(self._reset)

    def hang_up(self) -> None:
        """Close every connection as whoever says goodbye on TCP and not on AMQP; new ones are accepted."""
        self._do(lambda: [writer.close() for writer in self._writers])

    def refuse(self) -> None:
        """Reset every connection and every new one."""
        self._accepting = False
        self.cut()

    def accept(self) -> None:
        """Accept connections again."""
        self._accepting = True

    def hold(self, *directions: str) -> None:
        """Pass no more bytes `up` to the broker, `down` from it, or both ways (a black hole)."""
        self._do(lambda: [self._open[name].clear() for name in directions or self._open])

    def release(self) -> None:
        """Pass bytes again, those that were held back first."""
        self._do(lambda: [event.set() for event in self._open.values()])

    def close(self) -> None:
        """Cut everything and end the thread."""
        self._do(self._server.close)
        self.cut()
        self.release()
        self._call(self._drain)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _call(self, make: Callable[[], Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(make(), self._loop).result(10)

    def _do(self, action: Callable[[], Any]) -> None:
        async def run() -> None:
            action()

        self._call(run)

    def _reset(self) -> None:
        for writer in self._writers:
            with contextlib.suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()

    @staticmethod
    async def _drain() -> None:
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._accepting:
            writer.transport.abort()
            return
        self.accepted += 1
        far = await self._connect()
        if far is None:
            writer.transport.abort()
            return
        far_reader, far_writer = far
        self._writers |= {writer, far_writer}
        await asyncio.gather(
            self._pass(reader, far_writer, self._open["up"]),
            self._pass(far_reader, writer, self._open["down"]),
        )

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        for _ in range(len(self._targets)):
            self._targets.rotate(-1)
            with contextlib.suppress(OSError):
                return await asyncio.open_connection(*self._targets[-1])
        return None

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_open: asyncio.Event
    ) -> None:
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_PIECES_UNDER_WAY)
        reading = asyncio.create_task(self._read(reader, pieces))
        try:
            while (piece := await pieces.get())[1]:
                if (left := piece[0] - self._loop.time()) > 0:
                    await asyncio.sleep(left)
                await is_open.wait()
                writer.write(piece[1])
                await writer.drain()
        except OSError:
            pass
        finally:
            reading.cancel()
            self._writers.discard(writer)
            writer.close()

    async def _read(self, reader: asyncio.StreamReader, pieces: asyncio.Queue[tuple[float, bytes]]) -> None:
        """Each piece with the time at which it is due; an empty one ends it."""
        data = b"more to come"
        while data:
            try:
                data = await reader.read(65536)
            except OSError:
                data = b""
            await pieces.put((self._loop.time() + self.delay, data))


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "127.0.0.1", parts.port or 5672
