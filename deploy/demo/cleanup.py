"""Takes what the demonstration declared off a broker that is not its own."""

from __future__ import annotations

import pika

from ingestkit_pdf.wire.topology import DEFAULT_LANE, Topology

__all__ = ["CLIENT_ID", "check_broker", "remove_topology"]

CLIENT_ID = "demo"
"""Named, so that its reply queue can be deleted wherever the demonstration was interrupted."""

_TIMEOUT = 10.0


def _connect(amqp_url: str) -> pika.BlockingConnection:
    parameters = pika.URLParameters(amqp_url)
    parameters.socket_timeout = parameters.stack_timeout = _TIMEOUT
    parameters.blocked_connection_timeout = _TIMEOUT
    return pika.BlockingConnection(parameters)


def check_broker(amqp_url: str) -> str | None:
    """Why the broker cannot be used, None where it can."""
    try:
        _connect(amqp_url).close()
    except (pika.exceptions.AMQPError, OSError, ValueError, KeyError) as error:
        # Some of pika's errors hold the cause in their arguments and have no text of their own.
        return str(error) or repr(error)
    return None


def remove_topology(amqp_url: str, prefix: str) -> None:
    """Delete every exchange and queue below `prefix` of a daemon of the default lane and our client."""
    topology = Topology(prefix)
    connection = _connect(amqp_url)
    try:
        channel = connection.channel()
        for queue in (*topology.queues([DEFAULT_LANE]), topology.reply_queue(CLIENT_ID)):
            channel.queue_delete(queue.name)
        for exchange in (*topology.exchanges(), *topology.side_exchanges()):
            channel.exchange_delete(exchange.name)
    finally:
        connection.close()
