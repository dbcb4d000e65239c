"""Looking at the queues of a prefix without changing anything: passive declarations, no management plugin."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ingestkit_pdf.execution._client.amqp import redact_url
from ingestkit_pdf.execution._client.declare import Declarer
from ingestkit_pdf.execution._client.one_shot import OneShotConnection
from ingestkit_pdf.execution._client.script import Script, Steps
from ingestkit_pdf.execution.tls import BrokerTLS
from ingestkit_pdf.wire.topology import DEFAULT_LANE, DEFAULT_PREFIX, RETRY_DELAYS, Topology

__all__ = ["QueueStatus", "queue_status", "redact_url"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStatus:
    """One queue as the broker sees it now.

    Attributes:
        name: The queue.
        role: `jobs`, `retry`, `dead`, `orphaned` or `replies`.
        lane: The lane, for `jobs` and `retry`.
        exists: False when it has not been declared yet; the counts are then 0.
        messages: Messages ready for delivery, without those that a consumer has under way.
        consumers: Consumers, for `jobs` the lanes of running daemons.
    """

    name: str
    role: str
    lane: str | None = None
    exists: bool = False
    messages: int = 0
    consumers: int = 0


def queue_status(
    url: str,
    *,
    prefix: str = DEFAULT_PREFIX,
    lanes: Iterable[str] = (DEFAULT_LANE,),
    client_ids: Iterable[str] = (),
    timeout: float = 10.0,
    tls: BrokerTLS | None = None,
) -> list[QueueStatus]:
    """Depth and consumers of every queue of these lanes, of the parking lots and of these clients.

    Raises:
        ValueError: `url` is not an AMQP URL, or a file of `tls` cannot be used.
        ConnectionError: The broker is not there, refuses, or has not answered within `timeout` seconds.
    """
    found: list[QueueStatus] = []

    def steps(connection: Any, script: Script) -> Steps:
        declarer = Declarer(connection, script)
        for name, role, lane in _queues(Topology(prefix), lanes, client_ids):
            answer = yield from declarer.peek(name)
            counts = (0, 0) if answer is None else (answer.method.message_count, answer.method.consumer_count)
            found.append(
                QueueStatus(
                    name=name,
                    role=role,
                    lane=lane,
                    exists=answer is not None,
                    messages=counts[0],
                    consumers=counts[1],
                )
            )

    OneShotConnection(url, name="ingestkit-pdf status", timeout=timeout, tls=tls).run(steps)
    return found


def _queues(
    topology: Topology, lanes: Iterable[str], client_ids: Iterable[str]
) -> Sequence[tuple[str, str, str | None]]:
    queues: list[tuple[str, str, str | None]] = []
    for lane in lanes:
        queues.append((topology.job_queue(lane).name, "jobs", lane))
        queues.extend((topology.retry_queue(lane, delay).name, "retry", lane) for delay in RETRY_DELAYS)
    queues.append((topology.dead_queue.name, "dead", None))
    queues.append((topology.orphaned_queue.name, "orphaned", None))
    queues.extend((topology.reply_queue(client_id).name, "replies", None) for client_id in client_ids)
    return queues
