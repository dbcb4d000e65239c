"""What workers on one document tell each other, as bytes.

Pickled, and read by an unpickler that makes nothing but values of the pipeline: a worker that a document has
taken over must not take over the next one by what it sends. The pool only hands the bytes over.
"""

from __future__ import annotations

import copyreg
import gc
import io
import pickle
from collections.abc import Callable
from enum import Enum, EnumType
from operator import attrgetter
from typing import Any

from ingestkit_pdf import errors
from ingestkit_pdf.models import enums
from ingestkit_pdf.pdf.passages import Passage
from ingestkit_pdf.pdf.tables import Cell

__all__ = ["pack", "unpack"]

_MODULES = ("ingestkit_pdf.pdf.", "ingestkit_pdf.models.", "ingestkit_pdf.errors")


def pack(*values: Any) -> bytes:
    """Values of the pipeline as bytes."""
    file = io.BytesIO()
    _Pickler(file, protocol=5).dump(values)
    return file.getvalue()


def unpack(data: bytes) -> tuple[Any, ...]:
    """What was packed.

    Raises:
        pickle.UnpicklingError: It holds something else than values of the pipeline.
    """
    enabled = gc.isenabled()
    gc.disable()  # thousands of objects, none of them garbage
    try:
        values: tuple[Any, ...] = _Unpickler(io.BytesIO(data)).load()
        return values
    finally:
        if enabled:
            gc.enable()


def _by_value(member: Enum) -> tuple[Any, ...]:
    return type(member), (member.value,)


def _enumerations() -> dict[type, Callable[[Any], Any]]:
    kinds = {
        kind for module in (enums, errors) for kind in vars(module).values() if isinstance(kind, EnumType)
    }
    return dict.fromkeys(kinds, _by_value)


def _by_fields(kind: type) -> Callable[[Any], tuple[Any, ...]]:
    fields = attrgetter(*kind.__slots__)  # type: ignore[attr-defined]
    return lambda value: (kind, fields(value))


class _Pickler(pickle.Pickler):
    # Of themselves, enumerations are packed so from Python 3.11.4 on; before, as a call of `getattr`.
    # What there are thousands of would be packed with the names of its fields: twice as long, both ways.
    dispatch_table = {  # noqa: RUF012 - the base class's name
        **copyreg.dispatch_table,
        **_enumerations(),
        Passage: _by_fields(Passage),
        Cell: _by_fields(Cell),
    }


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Only classes, and only the pipeline's own."""
        if module.startswith(_MODULES) and "." not in name:
            found = super().find_class(module, name)
            if isinstance(found, type) and found.__module__ == module:
                return found
        raise pickle.UnpicklingError("not a value of the pipeline")
