"""Strings that every encoding can carry."""

from __future__ import annotations

from operator import is_
from typing import Any, Self

from pydantic import BaseModel, model_validator

__all__ = ["EncodableModel"]


class EncodableModel(BaseModel):
    """A model whose strings can be written as UTF-8: lone surrogates are dropped from all that it is made of.

    They come from files, which may say `<FEFFD800>` or have any bytes in their names; with a single one there
    would be no JSON of the whole result.
    """

    # Afterwards, because JSON that is read would be turned into Python's values before: eight times as slow.
    @model_validator(mode="after")
    def _drop_lone_surrogates(self) -> Self:
        values = self.__dict__
        for name, value in values.items():
            clean = _encodable(value)
            if clean is not value:
                values[name] = clean
        return self


def _encodable(value: Any) -> Any:
    """The value itself, or a copy without lone surrogates."""
    kind = type(value)
    if kind is str:
        return value if value.isascii() else _without_surrogates(value)
    if kind is list:
        items = [_encodable(item) for item in value]
        return value if all(map(is_, items, value)) else items
    if kind is dict:
        return {_encodable(key): _encodable(item) for key, item in value.items()} if value else value
    return value


def _without_surrogates(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "ignore").decode()
    return text
