"""Opening a connection, and telling what time mends from what it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Self

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import (
    AMQPError,
    AuthenticationError,
    ChannelInvalidStateError,
    ChannelPreconditionFailed,
    InvalidFrameError,
    ProbableAuthenticationError,
)
from aiormq.exceptions import ChannelAccessRefused, ConnectionNotAllowed
from pydantic import SecretStr
from yarl import URL

from ingestkit_pdf.execution.tls import BrokerTLS, TLSError, ask_again, explain_tls

from ..settings import DaemonSettings
from .frames import decode_leniently

__all__ = [
    "BrokerAddress",
    "BrokerRefusedError",
    "BrokerUnavailableError",
    "BrokerUntrustedError",
    "close_quietly",
    "connect",
    "translated",
]

_CLOSE_TIMEOUT = 3.0


class BrokerUnavailableError(Exception):
    """The broker is away, or went away: trying again can help."""


class BrokerRefusedError(Exception):
    """The broker says no (credentials, virtual host, rights, another declaration): waiting does not help."""


class BrokerUntrustedError(BrokerRefusedError):
    """One side does not believe the other's certificate, or a file for TLS cannot be used."""


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is and how long to wait for it.

    Attributes:
        url: `amqp://` or `amqps://`, with credentials; never logged.
        heartbeat: Seconds; a dead connection is noticed after about three of them.
        timeout: Seconds for one attempt to connect, and for each call on a connection.
        tls: For `amqps://`.
    """

    url: SecretStr
    heartbeat: int
    timeout: float
    tls: BrokerTLS = field(default_factory=BrokerTLS)

    @classmethod
    def of(cls, settings: DaemonSettings) -> Self:
        """As the settings say."""
        return cls(settings.amqp_url, settings.heartbeat, settings.connect_timeout, settings.tls)

    def __str__(self) -> str:
        url = URL(self.url.get_secret_value())
        return f"{url.scheme}://{url.host}:{url.port or (5671 if url.scheme == 'amqps' else 5672)}{url.path}"


async def connect(address: BrokerAddress, name: str) -> AbstractConnection:
    """A connection of this name (shown by the broker's tools).

    Raises:
        BrokerUnavailableError: Nobody answers, or not in time.
        BrokerUntrustedError: Its certificate or ours is refused, or a file for TLS cannot be used.
        BrokerRefusedError: The broker says no.
    """
    decode_leniently()
    url = URL(address.url.get_secret_value())
    if "heartbeat" not in url.query:
        url = url.update_query(heartbeat=address.heartbeat)
    try:
        return await _connect(address, url, name)
    except BrokerUnavailableError as error:
        if url.scheme == "amqps" and _was_reset(error):
            with translated("connect"):
                if said := await asyncio.to_thread(ask_again, url.host or "", url.port or 5671, address.tls):
                    raise said from error
        raise


async def _connect(address: BrokerAddress, url: URL, name: str) -> AbstractConnection:
    with translated("connect"):
        context = await asyncio.to_thread(address.tls.context) if url.scheme == "amqps" else None
        return await aio_pika.connect(
            url,
            timeout=address.timeout,
            client_properties={"connection_name": name},
            ssl_context=context,
        )


@contextmanager
def translated(action: str) -> Iterator[None]:
    """Every error of the library, the socket and TLS as one of ours."""
    try:
        yield
    except (ProbableAuthenticationError, AuthenticationError) as error:
        raise BrokerRefusedError(
            f"{action}: access refused, check user and password: {_text(error)}"
        ) from error
    except ConnectionNotAllowed as error:
        raise BrokerRefusedError(
            f"{action}: not allowed, check virtual host and rights: {_text(error)}"
        ) from error
    except ChannelAccessRefused as error:
        raise BrokerRefusedError(
            f"{action}: access refused, check the user's rights: {_text(error)}"
        ) from error
    except ChannelPreconditionFailed as error:
        raise BrokerRefusedError(f"{action}: declared otherwise on the broker: {_text(error)}") from error
    except TLSError as error:
        raise BrokerUntrustedError(f"{action}: TLS: {error}") from error
    except InvalidFrameError as error:
        # aiormq 7 expects OpenOk and takes the broker's Close, which says why, for a malformed frame.
        if "Connection.OpenOk" not in str(error):
            raise BrokerUnavailableError(f"{action}: {_text(error)}") from error
        reason = "the broker does not open the virtual host: check that it exists and the user's rights in it"
        raise BrokerRefusedError(f"{action}: not allowed, {reason}") from error
    except (AMQPError, ChannelInvalidStateError, OSError, EOFError, TimeoutError, RuntimeError) as error:
        if (meaning := explain_tls(error)) is not None:
            raise BrokerUntrustedError(f"{action}: TLS: {meaning}") from error
        if _is_refusal(error):
            raise BrokerRefusedError(f"{action}: {_text(error)}") from error
        raise BrokerUnavailableError(f"{action}: {_text(error)}") from error
    except asyncio.CancelledError:
        # A connection that dies cancels the calls pending on it; that is not us being cancelled.
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise BrokerUnavailableError(f"{action}: the connection was lost") from None


async def close_quietly(closable: AbstractConnection | AbstractChannel | None) -> None:
    """Close what may be dead already, within a deadline."""
    if closable is not None:
        with suppress(Exception):
            await asyncio.wait_for(closable.close(), _CLOSE_TIMEOUT)


def _was_reset(error: BrokerUnavailableError) -> bool:
    cause = error.__cause__
    return cause is not None and isinstance(cause.__cause__, ConnectionResetError | BrokenPipeError)


def _is_refusal(error: BaseException) -> bool:
    """530 NOT_ALLOWED and 403 ACCESS_REFUSED as the code of a closed connection."""
    return bool(error.args) and error.args[0] in {403, 530}


def _text(error: BaseException) -> str:
    """What the broker said, on one line; it names queues, users and hosts, never passwords."""
    if isinstance(error, TimeoutError) and not error.args:
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    parts = [str(arg) for arg in error.args if arg is not None]
    return " ".join(" ".join(parts).split())[:500] or type(error).__name__
