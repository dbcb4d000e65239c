"""The broker as the daemon sees it; the only code that knows aio-pika.

Two connections, each mended on its own: one that only consumes and acknowledges, so that an alarm of
the broker, which blocks whoever publishes, cannot stop the acknowledgements; and one that publishes. And a
third, without which jobs go on as well: for requests of clients, and for events.
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
from .declare import declare_side_exchanges, declare_topology, inspect_topology
from .publisher import Publisher, RejectedError, TooLargeError, UnroutableError
from .rights import (
    MissingRight,
    broker_version,
    largest_message,
    missing_rights,
    missing_side_rights,
)
from .side import SideConnection

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
    "SideConnection",
    "TooLargeError",
    "UnroutableError",
    "broker_version",
    "close_quietly",
    "connect",
    "declare_side_exchanges",
    "declare_topology",
    "inspect_topology",
    "largest_message",
    "missing_rights",
    "missing_side_rights",
]
