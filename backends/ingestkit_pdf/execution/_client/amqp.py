"""What the client needs of pika: parameters, properties, errors in words, and which of them are final."""

from __future__ import annotations

import re
from typing import Any

import pika
from pika.exceptions import ChannelClosed, ConnectionClosed

from ingestkit_pdf.execution.tls import BrokerTLS, ask_again, explain_tls
from ingestkit_pdf.wire.envelope import Message

__all__ = [
    "close",
    "connection_parameters",
    "describe",
    "hang_up",
    "is_final",
    "not_opened",
    "properties_of",
    "redact_url",
    "to_message",
]

_HEARTBEAT_SECONDS = 15
"""Unless the URL says otherwise: a connection that died without a word is noticed within 40 s."""

_TRANSIENT, _PERSISTENT = 1, 2
_CLOSED_BY_BROKER = re.compile(r"ConnectionClosedByBroker: \((\d+)\) '(.*)'", re.DOTALL)
_PASSING = ("limit", "is down", "exclusive")
_FINAL_CODES = {403, 530}


def connection_parameters(url: str, *, name: str, tls: BrokerTLS | None = None) -> pika.URLParameters:
    """Parameters for one attempt to connect; `name` is what the broker lists the connection as.

    Raises:
        ValueError: `url` is not an AMQP URL, or a file of `tls` cannot be used; the message carries no
            password.
    """
    shown = redact_url(url)
    if not url.startswith(("amqp://", "amqps://")):
        raise ValueError(f"the queue URL {shown!r} is not amqp://user:password@host:port/vhost (or amqps://)")
    tls = tls or BrokerTLS()
    try:
        tls.check_url(url)
        parameters = pika.URLParameters(url)
    except Exception as error:  # pika raises IndexError, TypeError and others for what it cannot read
        reason = str(error) if isinstance(error, ValueError) else "it cannot be parsed"
        raise ValueError(f"the queue URL {shown!r} is malformed: {reason}") from error
    if parameters.heartbeat is None:
        parameters.heartbeat = _HEARTBEAT_SECONDS
    if url.startswith("amqps://"):
        parameters.ssl_options = pika.SSLOptions(tls.context())
    parameters.connection_attempts = 1  # the next attempt is ours to time
    parameters.client_properties = {"connection_name": name}
    return parameters


def redact_url(url: str) -> str:
    """The URL without its password and its query, whatever shape it is in."""
    head, separator, rest = url.partition("://")
    if not separator:
        return "..." if "@" in url else url[:80]
    credentials, at, address = rest.rpartition("@")
    user = credentials.split(":", 1)[0]
    return f"{head}://{user + ':***@' if at else ''}{address.split('?', 1)[0]}"


def hang_up(connection: Any) -> None:
    """Drop a connection without a goodbye, for a broker that answers none; pika has no public way.

    pika 1.4 breaks its I/O loop where `close` comes in the middle of the handshake: a failure it takes.
    """
    if connection is None or connection.is_closed:
        return
    transport = getattr(connection, "_transport", None)
    if transport is not None and not (connection.is_open or connection.is_closing):
        connection._terminate_stream(pika.exceptions.AMQPConnectionError("given up"))
        return
    if not connection.is_closing:
        connection.close()
    if transport is not None:
        transport.abort()


def close(closable: Any) -> None:
    """Close a connection or a channel, unless that is under way."""
    if not closable.is_closed and not closable.is_closing:
        closable.close()


def not_opened(error: BaseException, url: str, tls: BrokerTLS | None) -> BaseException:
    """Why a connection was not opened: where it was reset over TLS, what the broker said before that."""
    reset = "ConnectionResetError" in repr(_innermost(error)) or "BrokenPipeError" in repr(_innermost(error))
    if reset and url.startswith("amqps://"):
        parameters = pika.URLParameters(url)
        return ask_again(parameters.host, parameters.port, tls or BrokerTLS()) or error
    return error


def describe(error: BaseException) -> str:
    """One line on what went wrong, from the innermost cause pika has wrapped."""
    cause = _innermost(error)
    if (text := explain_tls(cause)) is not None:
        return text
    if isinstance(cause, ConnectionClosed | ChannelClosed):
        return str(cause.reply_text)
    closed = _CLOSED_BY_BROKER.search(str(cause))
    if closed:
        return closed[2]
    if isinstance(cause, OSError):
        return cause.strerror or str(cause)
    text = ", ".join(str(part) for part in cause.args) or type(cause).__name__
    return " ".join(text.split())[:300]


def is_final(error: BaseException) -> bool:
    """True for what waiting cannot mend: credentials, virtual host or certificate refused.

    pika turns any loss during the handshake into `ProbableAuthenticationError` and its like; only
    what the broker really said counts here, since a broker that is restarted loses connections too.
    """
    cause = _innermost(error)
    if explain_tls(cause) is not None:
        return True
    closed = _CLOSED_BY_BROKER.search(str(cause))
    code, text = (int(closed[1]), closed[2]) if closed else (0, "")
    if isinstance(cause, ConnectionClosed):
        code, text = cause.reply_code, cause.reply_text
    return code in _FINAL_CODES and not any(word in text for word in _PASSING)


def _innermost(error: BaseException) -> BaseException:
    wrapped = getattr(error, "exceptions", None)
    inner = wrapped[-1] if wrapped else getattr(error, "exception", None)
    if inner is None and error.args and isinstance(error.args[0], BaseException):
        inner = error.args[0]
    return _innermost(inner) if isinstance(inner, BaseException) else error


def properties_of(message: Message) -> pika.BasicProperties:
    """The AMQP properties of a message of ours."""
    return pika.BasicProperties(
        type=message.type,
        message_id=message.message_id,
        correlation_id=message.correlation_id,
        reply_to=message.reply_to,
        content_type=message.content_type,
        content_encoding=message.content_encoding,
        timestamp=message.timestamp,
        app_id=message.app_id,
        headers=dict(message.headers),
        delivery_mode=_TRANSIENT if message.transient else _PERSISTENT,
    )


def to_message(properties: Any, body: bytes) -> Message:
    """What arrived, free of pika; nothing about it is validated yet, but what is to be text is text."""
    return Message(
        body=body,
        type=_text(properties.type),
        message_id=_text(properties.message_id),
        correlation_id=_text(properties.correlation_id),
        reply_to=_text(properties.reply_to),
        content_type=_text(properties.content_type),
        content_encoding=_text(properties.content_encoding),
        timestamp=properties.timestamp,
        app_id=_text(properties.app_id),
        headers={_text(name): value for name, value in (properties.headers or {}).items()},
    )


def _text(value: str | bytes | None) -> Any:
    """pika leaves what is not UTF-8 as bytes. In ASCII it is no longer than it was, and can be sent on."""
    return value.decode("ascii", "replace").replace("\ufffd", "?") if isinstance(value, bytes) else value
