"""Strings that every encoding can carry."""

from __future__ import annotations

from typing import Any

__all__ = ["encodable"]


def encodable(value: Any) -> Any:
    """A value that can be written as UTF-8: without lone surrogates, in it and in what it is made of.

    They come from files, which may say `<FEFFD800>` or have any bytes in their names.
    """
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "ignore").decode()
    if isinstance(value, dict):
        return {encodable(key): encodable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [encodable(item) for item in value]
    return value
