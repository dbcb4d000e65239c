"""The reference of settings, configuration and error codes is made from the code."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import BaseModel, Field

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.errors import ErrorCode

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_reference", DOCS / "generate_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["settings.md", "config.md", "errors.md"])
def test_the_page_is_up_to_date(generator: ModuleType, name: str) -> None:
    """Users would read of settings and codes that are gone, and not of those that are new."""
    path = DOCS / "reference" / name
    found = path.read_text(encoding="utf-8")
    assert found == generator.PAGES[path](), "run: python docs/generate_reference.py"


def test_every_field_of_the_configuration_is_on_the_page(generator: ModuleType) -> None:
    """A threshold would exist that nobody can find."""
    page = generator.config_page()
    for name, field in PDFProcessorConfig.model_fields.items():
        assert page.count(f"| `{name}` |") == 1
        assert field.description


def test_every_error_code_is_on_the_page_with_a_description(generator: ModuleType) -> None:
    """A code would turn up in a result, and nobody could look up what it means."""
    page = generator.errors_page()
    for code in ErrorCode:
        assert page.count(f"| `{code}` | ") == 1


def test_a_setting_without_a_description_is_not_accepted(generator: ModuleType) -> None:
    """A new setting would appear in the reference as a bare name."""

    class Model(BaseModel):
        described: int = Field(1, description="what it does")
        bare: int = 2

    with pytest.raises(ValueError, match=r"Model\.bare has no description"):
        generator._table(Model)


def test_constants_that_are_calculated_are_on_the_page(generator: ModuleType) -> None:
    """A threshold would be missing because it is written as a product."""
    page = generator.config_page()
    assert "| lines | `TINY_SIZE` | 1.5 * SCALE |" in page
    assert "| ocr/lines | `_STEP` | SCALE // 2 |" in page
