"""The checks of olmOCR-bench as the benchmark of quality applies them."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def checks() -> Any:
    """The module of the benchmark."""
    sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
    try:
        return importlib.import_module("_truth.checks")
    finally:
        sys.path.pop(0)


@pytest.mark.parametrize(
    ("check", "markdown", "passes"),
    [
        ({}, "Some text.", True),
        ({}, " \n* --", False),
        ({}, "Some text" + " again" * 40, True),
        ({}, "Some text" + "la" * 40, False),
        ({}, "Some text \u4e2d", False),
        ({"check_disallowed_characters": False}, "Some text \u4e2d", True),
        ({"max_length": 10}, "", True),
        ({"max_length": 10}, "A blank page", True),
        ({"max_length": 3}, "A blank page", False),
    ],
)
def test_a_baseline_check_finds_what_no_text_looks_like(
    checks: Any, check: dict[str, Any], markdown: str, passes: bool
) -> None:
    """An engine that gives nothing, or stutters without end, would pass where nothing else is asked."""
    assert checks.passes({"type": "baseline", **check}, markdown) == passes
