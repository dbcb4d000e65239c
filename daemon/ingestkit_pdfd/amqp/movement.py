"""Whether the deliveries of one queue move: a consumer that the broker passes over looks healthy."""

from __future__ import annotations

__all__ = ["Movement"]


class Movement:
    """Counts what one consumer was given and has settled.

    Args:
        prefetch: Deliveries that the consumer may hold.
    """

    def __init__(self, prefetch: int) -> None:
        self._prefetch = prefetch
        self._delivered = 0
        self._held = 0
        self._delivered_before: int | None = None

    def delivered(self) -> None:
        """There was a delivery."""
        self._delivered += 1
        self._held += 1

    def settled(self) -> None:
        """One of them was acknowledged or given back."""
        self._held -= 1

    def stands_still(self, ready: int) -> bool:
        """A look, with the messages that are ready in the queue now.

        True when they were ready at the look before as well, this consumer could have had them all the time,
        and none of them came.
        """
        waits = ready > 0 and self._held < self._prefetch
        before, self._delivered_before = self._delivered_before, self._delivered if waits else None
        return waits and before == self._delivered
