"""Giving a delivery back because the daemon stops, which is no failure and should not count as one."""

from __future__ import annotations

from .amqp import Delivery
from .reply import Outbox

__all__ = ["give_back"]


async def give_back(delivery: Delivery, outbox: Outbox, max_deliveries: int) -> bool:
    """Give a delivery back to its queue; False when its channel is gone, and so the broker does it.

    Up to 4.2, RabbitMQ counts this as a delivery, and what was delivered `max_deliveries` times is parked as
    what takes daemons down. So before it would count once too often, a copy takes its place.
    """
    if delivery.earlier + 1 >= max_deliveries and await outbox.submit_again(delivery.message, delivery.lane):
        return await delivery.ack()
    return await delivery.requeue()
