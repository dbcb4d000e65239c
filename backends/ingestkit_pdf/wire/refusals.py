"""What the broker says of a message that it does not take."""

from __future__ import annotations

import re

__all__ = ["size_limit"]

# 3.10: "message size 134217729 is larger than configured max size 134217728"; 4.0 leaves words out.
_TOO_LARGE = re.compile(r"message size \d+ (?:is )?larger than (?:configured )?max size (\d+)")


def size_limit(reason: str) -> int | None:
    """The bytes that the broker takes in a message, where it refused one for its size."""
    found = _TOO_LARGE.search(reason)
    return int(found[1]) if found else None
