"""The layout engine: with PyMuPDF 2 and its model, and without."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from support.made_pdf import PROSE, run, save

HAS_MODEL = importlib.util.find_spec("pymupdf.layout") is not None


def page_with_table(document: Any) -> None:
    """Prose and a table without rules."""
    page = document.new_page()
    page.insert_textbox((72, 60, 523, 160), PROSE * 2)
    for row, cells in enumerate(
        [("Kind", "Share", "Count"), *((f"kind {n}", f"{n}.5", f"{n}00") for n in range(8))]
    ):
        for col, text in enumerate(cells):
            page.insert_text((90 + 150 * col, 200 + 16 * row), text)
    page.insert_textbox((72, 360, 523, 500), PROSE * 3)


@pytest.mark.skipif(HAS_MODEL, reason="the layout model is installed")
def test_without_the_model_the_result_says_what_to_install(tmp_path: Path) -> None:
    """A configuration that cannot work would end in a traceback."""
    result = run(save(tmp_path, page_with_table), table_engine="layout")
    assert result.errors == ["E_PROCESS_TABLE_EXTRACT"]
    assert "ingestkit-pdf[layout]" in result.error_details[0].message


@pytest.mark.skipif(not HAS_MODEL, reason="needs PyMuPDF 2 with its layout model")
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::DeprecationWarning")
def test_the_model_finds_a_table_without_rules(tmp_path: Path) -> None:
    """The engine would find less than the fast one."""
    (table,) = run(save(tmp_path, page_with_table), table_engine="layout").table_data
    assert table.headers == ["Kind", "Share", "Count"]
    assert table.rows[2] == ["kind 2", "2.5", "200"]
