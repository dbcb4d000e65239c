"""What workers on one document tell each other."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from ingestkit_pdf.errors import ErrorCode
from ingestkit_pdf.models import PageStatus
from ingestkit_pdf.pdf.packing import pack, unpack
from ingestkit_pdf.pdf.passages import Passage
from ingestkit_pdf.pdf.tables import Cell


def test_enumerations_are_packed_by_value_whatever_python_would_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """On Debian 12 (Python 3.11.2) every document that several workers read would fail."""

    def before_3_11_4(member: PageStatus, _protocol: int) -> tuple[object, ...]:
        return getattr, (type(member), member.name)

    monkeypatch.setattr(PageStatus, "__reduce_ex__", before_3_11_4)
    values = ([*PageStatus], ErrorCode.E_PARSE_CORRUPT)
    assert unpack(pack(*values)) == values


def test_passages_and_cells_are_packed_as_they_are_without_the_names_of_their_fields() -> None:
    """Handing over the pages of a large document would take twice as long."""
    passage = Passage("text", [("a line", 1, (0, 0, 100, 10))], 1000, 1, "Font", level=2, tokens=3)
    values = (passage, Cell(0, 1, 2, 3, "a cell"))
    packed = pack(*values)
    assert unpack(packed) == values
    assert b"pieces" not in packed
    assert b"last_row" not in packed


def test_nothing_but_values_of_the_pipeline_is_unpacked() -> None:
    """A worker that a document has taken over would take over the next one."""
    for forged in (pickle.dumps((getattr,)), pickle.dumps((Path("/etc"),)), pickle.dumps((print,))):
        with pytest.raises(pickle.UnpicklingError, match="not a value of the pipeline"):
            unpack(forged)
