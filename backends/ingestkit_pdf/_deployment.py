"""What prefixes, lanes and clients may be called, and the defaults that everybody on a broker shares.

The configuration, the daemon's settings and the topology all take their rules from here, so that a name which
one of them accepts is accepted by all.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

__all__ = [
    "DEFAULT_INLINE_LIMIT",
    "DEFAULT_LANE",
    "DEFAULT_PREFIX",
    "NAME_RULE",
    "ClientId",
    "Lane",
    "Prefix",
    "check_client_id",
    "check_lane",
    "check_prefix",
    "is_valid_client_id",
    "is_valid_name",
]

DEFAULT_PREFIX = "ingestkit.pdf"
DEFAULT_LANE = "default"
DEFAULT_INLINE_LIMIT = 8 * 1024 * 1024
"""Documents of up to this many bytes travel inside the job (RabbitMQ 4 takes 16 MiB in a message)."""

NAME_RULE = "1 to 64 letters, digits, '_' or '-'"
_NAME = r"^[A-Za-z0-9_-]{1,64}$"
_PREFIX = (
    r"^[A-Za-z0-9_.-]{1,100}$"  # with the longest lane and client id far below AMQP's 255 bytes of a name
)
_RESERVED_CLIENT_IDS = {"orphaned"}
_RESERVED_BY_BROKER = "amq."


def is_valid_name(name: str) -> bool:
    """True for what a lane or a client may be called: 1 to 64 letters, digits, `_` or `-`."""
    return re.fullmatch(_NAME, name) is not None


def is_valid_client_id(name: str) -> bool:
    """True for what a client may be called; its reply queue must not be the one of orphaned results."""
    return is_valid_name(name) and name not in _RESERVED_CLIENT_IDS


def check_lane(lane: str) -> str:
    """The lane.

    Raises:
        ValueError: It cannot be part of a queue's name.
    """
    if not is_valid_name(lane):
        raise ValueError(f"lane {lane!r} is not {NAME_RULE}")
    return lane


def check_client_id(client_id: str) -> str:
    """The client id.

    Raises:
        ValueError: It cannot be part of a queue's name, or is the name of another queue.
    """
    if not is_valid_client_id(client_id):
        raise ValueError(f"client_id {client_id!r} is not {NAME_RULE} (and not 'orphaned')")
    return client_id


def check_prefix(prefix: str) -> str:
    """The prefix.

    Raises:
        ValueError: It cannot begin the names of exchanges and queues.
    """
    if not re.fullmatch(_PREFIX, prefix) or f"{prefix}.".startswith(_RESERVED_BY_BROKER):
        raise ValueError(
            f"prefix {prefix!r} is not 1 to 100 letters, digits, '_', '-' or '.' (and not 'amq')"
        )
    return prefix


Lane = Annotated[str, Field(pattern=_NAME)]
ClientId = Annotated[str, Field(pattern=_NAME), AfterValidator(check_client_id)]
Prefix = Annotated[str, Field(pattern=_PREFIX), AfterValidator(check_prefix)]
