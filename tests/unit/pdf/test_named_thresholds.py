"""Every threshold of the pipeline has a name, so that the reference of the configuration has it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from ingestkit_pdf import pdf

FOLDER = Path(pdf.__file__).parent
PLAIN = {0.0, 0.5, 1.0, 2.0}  # halves and doubles are arithmetic
NO_MEASURE = 1e-6  # what is smaller keeps a division from one by zero


def unnamed(source: str) -> Iterator[tuple[int, float]]:
    """Line and value of the numbers with a fraction in functions that may be thresholds."""
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    for function in functions:
        for node in ast.walk(function):
            if isinstance(node, ast.Constant) and isinstance(node.value, float):
                value = abs(node.value)
                if value not in PLAIN and value > NO_MEASURE:
                    yield node.lineno, node.value


def test_no_function_has_a_threshold_without_a_name() -> None:
    """Nobody could find out by which measure a table, a paragraph or a heading was taken for one."""
    found = {
        f"{path.relative_to(FOLDER)}:{line}: {value}"
        for path in sorted(FOLDER.rglob("*.py"))
        for line, value in unnamed(path.read_text(encoding="utf-8"))
    }
    assert found == set()


def test_a_threshold_without_a_name_is_found() -> None:
    """The test above would pass whatever the code is."""
    source = "A = 0.7\ndef f(x, y=0.3):\n    return x > 0.5 * y and x < 1.5 * y or x / 1e-9\n"
    assert sorted(unnamed(source)) == [(2, 0.3), (3, 1.5)]
