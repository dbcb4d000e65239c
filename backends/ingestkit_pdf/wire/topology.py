"""Exchanges, queues and their arguments, as values; who declares them only reads them off.

Arguments are fixed and few, because a queue cannot change them later; lengths and limits are
policies of the operator. Every queue names its type, since a virtual host may change the default,
and dead-letters at least once, which needs all four of quorum, dead-letter exchange,
`at-least-once` and `reject-publish` (https://www.rabbitmq.com/docs/quorum-queues#dead-lettering).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ingestkit_pdf._deployment import (
    DEFAULT_LANE,
    DEFAULT_PREFIX,
    check_prefix,
    is_valid_client_id,
)

__all__ = [
    "DEFAULT_LANE",
    "DEFAULT_PREFIX",
    "RETRY_DELAYS",
    "Binding",
    "Exchange",
    "OwnQueue",
    "Queue",
    "Topology",
]

RETRY_DELAYS = (5, 30, 120, 600)
"""The rungs of the retry ladder, in seconds."""

_REPLY_EXPIRES_MS = 7 * 24 * 3600 * 1000
_ORPHAN_TTL_MS = 7 * 24 * 3600 * 1000
_DELIVERY_LIMIT = 1_000_000_000
"""Of queues that are looked into: each look counts as a delivery, and a RabbitMQ of version 4 drops a message
after 20 unless the queue says otherwise. No limit (-1) is not to be had: 3.10 takes it, and then drops the
message at its first return. A policy with a lower limit would win, so there must be none for these queues."""

_OWN_QUEUE_LENGTH = 10_000
"""Messages that may wait for one listener; of more, the oldest go, so that no listener fills the broker."""

Argument = str | int


@dataclass(frozen=True, slots=True)
class Exchange:
    """A durable exchange."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable, shared queue and the arguments it is declared with."""

    name: str
    arguments: Mapping[str, Argument] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OwnQueue:
    """A transient queue of one connection (exclusive, auto-delete), gone with it or with its consumer.

    Classic, since a quorum queue cannot be exclusive.
    """

    name: str
    arguments: Mapping[str, Argument] = field(
        default_factory=lambda: {"x-queue-type": "classic", "x-max-length": _OWN_QUEUE_LENGTH}
    )


@dataclass(frozen=True, slots=True)
class Binding:
    """Messages of `exchange` with `routing_key` go to `queue`."""

    queue: str
    exchange: str
    routing_key: str


@dataclass(frozen=True, slots=True)
class Topology:
    """All names below one prefix.

    Raises:
        ValueError: The prefix cannot begin the names of exchanges and queues.
    """

    prefix: str = DEFAULT_PREFIX

    def __post_init__(self) -> None:
        check_prefix(self.prefix)

    @property
    def jobs_exchange(self) -> Exchange:
        """Where jobs are published, with their lane as the routing key."""
        return Exchange(f"{self.prefix}.jobs", "direct")

    @property
    def dead_exchange(self) -> Exchange:
        """Where job queues dead-letter to; a fanout, so the routing key still says the lane."""
        return Exchange(f"{self.prefix}.dead", "fanout")

    @property
    def dead_queue(self) -> Queue:
        """The parking lot of what cannot succeed; nothing expires in it, however often it is looked into."""
        arguments: dict[str, Argument] = {"x-queue-type": "quorum", "x-delivery-limit": _DELIVERY_LIMIT}
        return Queue(f"{self.prefix}.dead", arguments)

    @property
    def dead_lock(self) -> str:
        """An exclusive queue that whoever looks into the dead letters declares, to be the only one."""
        return f"{self.prefix}.dead.look"

    @property
    def orphaned_queue(self) -> Queue:
        """Results whose reply queue is gone, kept for a week."""
        arguments: dict[str, Argument] = {
            "x-queue-type": "quorum",
            "x-message-ttl": _ORPHAN_TTL_MS,
            "x-delivery-limit": _DELIVERY_LIMIT,
        }
        return Queue(f"{self.prefix}.replies.orphaned", arguments)

    def job_queue(self, lane: str) -> Queue:
        """The queue of one lane."""
        arguments: dict[str, Argument] = {
            "x-queue-type": "quorum",
            "x-dead-letter-exchange": self.dead_exchange.name,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        }
        return Queue(f"{self.prefix}.jobs.{lane}", arguments)

    def retry_queue(self, lane: str, delay: int) -> Queue:
        """The rung of `delay` seconds: the queue's own TTL, then back to the lane.

        One queue for each delay, because a message's own TTL only counts at the head of its queue.
        """
        arguments: dict[str, Argument] = {
            "x-queue-type": "quorum",
            "x-message-ttl": delay * 1000,
            "x-dead-letter-exchange": self.jobs_exchange.name,
            "x-dead-letter-routing-key": lane,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        }
        return Queue(f"{self.prefix}.retry.{lane}.{delay}s", arguments)

    def reply_queue(self, client_id: str) -> Queue:
        """The queue of one client identity; it survives the client and expires a week after its last use.

        Quorum, because a classic queue is away with its node: results would be returned to the daemons, and
        the client could not even declare it. A result may be fetched and left unclaimed any number of times.
        """
        arguments: dict[str, Argument] = {
            "x-queue-type": "quorum",
            "x-expires": _REPLY_EXPIRES_MS,
            "x-delivery-limit": _DELIVERY_LIMIT,
        }
        return Queue(f"{self.prefix}.replies.{client_id}", arguments)

    def reply_lock(self, reply_queue: Queue) -> str:
        """An exclusive queue that whoever takes results from this reply queue declares, to be the only one.

        A quorum queue does not keep other consumers away, even where it is asked to. The orphaned results
        have one, too: while one command looks among them, another would find none.
        """
        return f"{reply_queue.name}.in-use"

    def is_reply_queue(self, name: str) -> bool:
        """True when `name` is the reply queue of some client: the only queues a job may be answered to."""
        head, found, client_id = name.rpartition(f"{self.prefix}.replies.")
        return bool(found) and not head and is_valid_client_id(client_id)

    def client_of(self, reply_queue: str) -> str:
        """Whose reply queue this is."""
        return reply_queue.removeprefix(f"{self.prefix}.replies.")

    @property
    def events_exchange(self) -> Exchange:
        """Where daemons tell how far jobs have come, to whoever has asked for it."""
        return Exchange(f"{self.prefix}.events", "topic")

    @property
    def control_exchange(self) -> Exchange:
        """Where clients ask for things; every daemon hears it."""
        return Exchange(f"{self.prefix}.control", "fanout")

    def event_key(self, reply_queue: str, job_id: str, event: str) -> str:
        """The routing key of an event: client, job and event. A job id may have dots, too."""
        return f"{self.client_of(reply_queue)}.{job_id}.{event}"

    def event_key_of_all(self, client_id: str) -> str:
        """The binding of whoever hears of the jobs of this client."""
        return f"{client_id}.#"

    def event_queue(self, client_id: str, token: str) -> OwnQueue:
        """Where one listener of this client hears of its jobs; `token` tells it from others."""
        return OwnQueue(f"{self.prefix}.events.{client_id}.{token}")

    def control_queue(self, token: str) -> OwnQueue:
        """Where one daemon hears what is asked for."""
        return OwnQueue(f"{self.prefix}.control.{token}")

    def side_exchanges(self) -> tuple[Exchange, ...]:
        """What cancelling and progress need; jobs and results do without."""
        return (self.events_exchange, self.control_exchange)

    def exchanges(self) -> tuple[Exchange, ...]:
        """Every exchange that jobs and results need."""
        return (self.jobs_exchange, self.dead_exchange)

    def queues(self, lanes: Iterable[str]) -> tuple[Queue, ...]:
        """Every queue that a daemon of these lanes needs, the dead-letter targets first."""
        queues = [self.dead_queue, self.orphaned_queue]
        for lane in lanes:
            queues.append(self.job_queue(lane))
            queues.extend(self.retry_queue(lane, delay) for delay in RETRY_DELAYS)
        return tuple(queues)

    def bindings(self, lanes: Iterable[str]) -> tuple[Binding, ...]:
        """Every binding that a daemon of these lanes needs."""
        dead = Binding(self.dead_queue.name, self.dead_exchange.name, "")
        jobs = (Binding(self.job_queue(lane).name, self.jobs_exchange.name, lane) for lane in lanes)
        return (dead, *jobs)
