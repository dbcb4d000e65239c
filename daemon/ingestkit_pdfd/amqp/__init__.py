"""The broker as the daemon sees it; the only code that knows aio-pika.

Two connections, each mended on its own: one that only consumes and acknowledges, so that an alarm of
the broker, which blocks whoever publishes, cannot stop the acknowledgements; and one that publishes.
"""

from aio_pika.abc import AbstractConnection as Connection

from .connection import (
    BrokerAddress,
    BrokerRefusedError,
    BrokerUnavailableError,
    BrokerUntrustedError,
    close_quietly,
    connect,
)
from .consumer import Consumer, Delivery
from .declare import declare_topology, inspect_topology
from .publisher import Publisher, RejectedError, TooLargeError, UnroutableError
from .rights import MissingRight, broker_version, largest_message, missing_rights

__all__ = [
    "BrokerAddress",
    "BrokerRefusedError",
    "BrokerUnavailableError",
    "BrokerUntrustedError",
    "Connection",
    "Consumer",
    "Delivery",
    "MissingRight",
    "Publisher",
    "RejectedError",
    "TooLargeError",
    "UnroutableError",
    "broker_version",
    "close_quietly",
    "connect",
    "declare_topology",
    "inspect_topology",
    "largest_message",
    "missing_rights",
]
