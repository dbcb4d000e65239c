"""The page of settings is made from the settings."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import BaseModel, Field

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_reference", DOCS / "generate_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(generator: ModuleType) -> None:
    """Operators would read of settings that are gone, and not of those that are new."""
    found = (DOCS / "reference/settings.md").read_text(encoding="utf-8")
    assert found == generator.rendered(), "run: python docs/generate_reference.py"


def test_a_setting_without_a_description_is_not_accepted(generator: ModuleType) -> None:
    """A new setting would appear in the reference as a bare name."""

    class Model(BaseModel):
        described: int = Field(1, description="what it does")
        bare: int = 2

    with pytest.raises(ValueError, match=r"Model\.bare has no description"):
        generator._table(Model)
