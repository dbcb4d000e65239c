"""The broker as the daemon sees it; the only code that knows aio-pika.

Two connections, each mended on its own: one that only consumes and acknowledges, so that an alarm of
the broker, which blocks whoever publishes, cannot stop the acknowledgements; and one that publishes.
"""

from .connection import BrokerAddress, BrokerRefusedError, BrokerUnavailableError, close_quietly, connect
from .consumer import Consumer, Delivery
from .declare import declare_topology, inspect_topology
from .publisher import Publisher, RejectedError, TooLargeError, UnroutableError

__all__ = [
    "BrokerAddress",
    "BrokerRefusedError",
    "BrokerUnavailableError",
    "Consumer",
    "Delivery",
    "Publisher",
    "RejectedError",
    "TooLargeError",
    "UnroutableError",
    "close_quietly",
    "connect",
    "declare_topology",
    "inspect_topology",
]
