"""Opening a connection, and telling what time mends from what it does not."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import aio_pika
from aio_pika.abc import AbstractConnection
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

__all__ = [
    "BrokerAddress",
    "BrokerRefusedError",
    "BrokerUnavailableError",
    "close_quietly",
    "connect",
    "translated",
]

_CLOSE_TIMEOUT = 3.0


class BrokerUnavailableError(Exception):
    """The broker is away, or went away: trying again can help."""


class BrokerRefusedError(Exception):
    """The broker says no (credentials, virtual host, rights, another declaration): waiting does not help."""


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is and how long to wait for it.

    Attributes:
        url: `amqp://` or `amqps://`, with credentials; never logged.
        heartbeat: Seconds; a dead connection is noticed after about three of them.
        timeout: Seconds for one attempt to connect, and for each call on a connection.
    """

    url: SecretStr
    heartbeat: int
    timeout: float

    def __str__(self) -> str:
        url = URL(self.url.get_secret_value())
        return f"{url.scheme}://{url.host}:{url.port or (5671 if url.scheme == 'amqps' else 5672)}{url.path}"


async def connect(address: BrokerAddress, name: str) -> AbstractConnection:
    """A connection of this name (shown by the broker's tools).

    Raises:
        BrokerUnavailableError: Nobody answers, or not in time.
        BrokerRefusedError: The broker, or its certificate, was refused.
    """
    url = URL(address.url.get_secret_value())
    if "heartbeat" not in url.query:
        url = url.update_query(heartbeat=address.heartbeat)
    with translated("connect"):
        return await aio_pika.connect(
            url, timeout=address.timeout, client_properties={"connection_name": name}
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
    except ssl.SSLError as error:
        raise BrokerRefusedError(f"{action}: TLS: {error.reason or error}") from error
    except InvalidFrameError as error:
        # aiormq 7 expects OpenOk and takes the broker's Close, which says why, for a malformed frame.
        if "Connection.OpenOk" not in str(error):
            raise BrokerUnavailableError(f"{action}: {_text(error)}") from error
        reason = "the broker does not open the virtual host: check that it exists and the user's rights in it"
        raise BrokerRefusedError(f"{action}: not allowed, {reason}") from error
    except (AMQPError, ChannelInvalidStateError, OSError, EOFError, TimeoutError, RuntimeError) as error:
        if isinstance(cause := error.__cause__, ssl.SSLCertVerificationError):
            raise BrokerRefusedError(f"{action}: TLS: {cause.verify_message}") from error
        if _is_refusal(error):
            raise BrokerRefusedError(f"{action}: {_text(error)}") from error
        raise BrokerUnavailableError(f"{action}: {_text(error)}") from error
    except asyncio.CancelledError:
        # A connection that dies cancels the calls pending on it; that is not us being cancelled.
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise BrokerUnavailableError(f"{action}: the connection was lost") from None


async def close_quietly(connection: AbstractConnection | None) -> None:
    """Close what may be dead already, within a deadline."""
    if connection is not None:
        with suppress(Exception):
            await asyncio.wait_for(connection.close(), _CLOSE_TIMEOUT)


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
