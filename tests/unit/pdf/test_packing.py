"""What workers on one document tell each other."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from ingestkit_pdf.errors import ErrorCode
from ingestkit_pdf.models import PageStatus
from ingestkit_pdf.pdf.packing import pack, unpack


def test_enumerations_are_packed_by_value_whatever_python_would_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """On Debian 12 (Python 3.11.2) every document that several workers read would fail."""

    def before_3_11_4(member: PageStatus, _protocol: int) -> tuple[object, ...]:
        return getattr, (type(member), member.name)

    monkeypatch.setattr(PageStatus, "__reduce_ex__", before_3_11_4)
    values = ([*PageStatus], ErrorCode.E_PARSE_CORRUPT)
    assert unpack(pack(*values)) == values


def test_nothing_but_values_of_the_pipeline_is_unpacked() -> None:
    """A worker that a document has taken over would take over the next one."""
    for forged in (pickle.dumps((getattr,)), pickle.dumps((Path("/etc"),)), pickle.dumps((print,))):
        with pytest.raises(pickle.UnpicklingError, match="not a value of the pipeline"):
            unpack(forged)
