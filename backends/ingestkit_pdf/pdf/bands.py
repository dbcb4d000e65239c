"""What is at a height of the page, found without looking at everything that is on it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import Generic, TypeVar

__all__ = ["Bands"]

_HEIGHT = 2000  # hundredths of a point: a line or two

T = TypeVar("T")


class Bands(Generic[T]):
    """Things by the bands of the page that they reach into.

    Only bands that will be asked for are kept: what is painted may reach over millions of others.

    Args:
        things: Top, bottom (hundredths of a point) and the thing, in the order in which they are to be found.
        heights: Where things will be looked for.
    """

    __slots__ = ("_bands",)

    def __init__(self, things: Iterable[tuple[float, float, T]], heights: Iterable[float]) -> None:
        numbers = sorted({height // _HEIGHT for height in heights})
        self._bands: dict[float, list[T]] = {number: [] for number in numbers}
        for top, bottom, thing in things:
            for number in numbers[
                bisect_left(numbers, top // _HEIGHT) : bisect_right(numbers, bottom // _HEIGHT)
            ]:
                self._bands[number].append(thing)

    def around(self, height: float) -> list[T]:
        """Whatever may be at one of the heights: all that is, and some that is near."""
        return self._bands[height // _HEIGHT]
