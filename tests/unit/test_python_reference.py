"""docs/reference/python.md has every public name, with the arguments that it takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import ingestkit_pdf
from ingestkit_pdf import protocols

PAGE = (Path(__file__).parents[2] / "docs/reference/python.md").read_text(encoding="utf-8")
CALLED = [
    "BrokerTLS",
    "DistributedExecutionBackend",
    "LocalExecutionBackend",
    "PDFRouter",
    "create_default_router",
]


def call(name: str, function: Callable[..., Any]) -> str:
    """How a function is called, without types: `name(first, *, second=None)`."""
    signature = inspect.signature(function)
    parameters = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in signature.parameters.values()
        if parameter.name != "self"
    ]
    return name + str(inspect.Signature(parameters)).replace("'", '"')


def methods() -> Iterator[str]:
    for name in CALLED[1:4]:
        for method, function in vars(getattr(ingestkit_pdf, name)).items():
            if not method.startswith("_") and inspect.isfunction(function):
                yield call(method, function)


@pytest.mark.parametrize("name", [*ingestkit_pdf.__all__, *protocols.__all__])
def test_every_public_name_is_in_the_reference(name: str) -> None:
    """A user could import what is explained nowhere."""
    assert name in PAGE or name == "__version__"


@pytest.mark.parametrize("name", CALLED)
def test_classes_and_functions_are_called_as_the_reference_says(name: str) -> None:
    """A user would look in vain for an argument, or get a TypeError for one that is gone."""
    assert f"### `{call(name, getattr(ingestkit_pdf, name))}`\n" in PAGE


@pytest.mark.parametrize("signature", sorted(set(methods())))
def test_methods_are_called_as_the_reference_says(signature: str) -> None:
    """A method would be in the reference with arguments that it does not take, or not at all."""
    assert f"| `{signature}` |" in PAGE
