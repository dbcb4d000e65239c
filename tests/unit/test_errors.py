"""Exceptions of the execution backends: what they carry, and that they survive a copy."""

from __future__ import annotations

import copy
import pickle

import pytest

from ingestkit_pdf.errors import (
    ErrorCode,
    ExecutionError,
    JobNotFoundError,
    ResultTimeoutError,
    SubmitError,
)

ERRORS = [
    ExecutionError(ErrorCode.E_EXECUTION_CRASHED, "it crashed", job_id="j", attempt=2, stage="result"),
    SubmitError("the queue is full", job_id="j"),
    JobNotFoundError("j"),
    JobNotFoundError("j", "it was handed over long ago"),
    ResultTimeoutError("j", 5, "the broker is away"),
]


def facts(error: ExecutionError) -> tuple[object, ...]:
    return (type(error), str(error), error.args, vars(error))


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_exception_survives_pickling(error: ExecutionError, protocol: int) -> None:
    """A process pool or a task queue would raise a TypeError in its place, or change what it says."""
    assert facts(pickle.loads(pickle.dumps(error, protocol))) == facts(error)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_exception_can_be_copied(error: ExecutionError) -> None:
    """Whoever copies a record that holds an exception would get a TypeError, or another message."""
    assert facts(copy.copy(error)) == facts(error)
    assert facts(copy.deepcopy(error)) == facts(error)


def test_every_class_of_the_tree_is_copied_here() -> None:
    """A new class with arguments of its own could break in a process pool, and no test would see it."""
    assert {type(error) for error in ERRORS} == {ExecutionError, *ExecutionError.__subclasses__()}
