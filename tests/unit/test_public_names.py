"""What users import, and what importing costs a producer."""

from __future__ import annotations

import importlib
import subprocess
import sys
import textwrap

import pytest

import ingestkit_pdf
from ingestkit_pdf import execution, protocols

BLOCKED = "import sys; sys.modules['pymupdf'] = None; sys.modules['aio_pika'] = None\n"


def run(code: str) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter, in which neither the parser nor the daemon's client can be imported."""
    command = [sys.executable, "-W", "error", "-c", BLOCKED + textwrap.dedent(code)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_public_names_are_these() -> None:
    """If it failed, a name that users import would be gone, or one would be public by accident."""
    assert ingestkit_pdf.__all__ == [
        "BrokerTLS",
        "DistributedExecutionBackend",
        "ErrorCode",
        "ExecutionBackend",
        "ExecutionError",
        "IngestError",
        "JobNotFoundError",
        "LocalExecutionBackend",
        "PDFProcessorConfig",
        "PDFRouter",
        "ProcessingResult",
        "ResultTimeoutError",
        "SubmitError",
        "__version__",
        "create_default_router",
    ]
    assert execution.__all__ == [
        "DistributedExecutionBackend",
        "ErrorCode",
        "ExecutionBackend",
        "ExecutionError",
        "FailureReason",
        "IngestError",
        "JobNotFoundError",
        "LocalExecutionBackend",
        "ResultTimeoutError",
        "SubmitError",
        "WorkerFailure",
        "failure_result",
    ]


@pytest.mark.parametrize("module", ["ingestkit_pdf", "ingestkit_pdf.execution"])
def test_every_public_name_is_there(module: str) -> None:
    """If it failed, a name would be promised that cannot be imported."""
    package = importlib.import_module(module)
    for name in package.__all__:
        assert getattr(package, name) is not None
        assert name in dir(package)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """If it failed, `hasattr` and typing errors would behave as in no other module."""
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        ingestkit_pdf.nothing  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        execution.nothing  # noqa: B018


def test_the_same_name_is_the_same_object_everywhere() -> None:
    """If it failed, `isinstance` and `except` would depend on where a name was imported from."""
    assert ingestkit_pdf.ExecutionBackend is protocols.ExecutionBackend is execution.ExecutionBackend
    for name in set(ingestkit_pdf.__all__) & set(execution.__all__):
        assert getattr(ingestkit_pdf, name) is getattr(execution, name)


def test_a_producer_needs_neither_the_parser_nor_the_daemons_client() -> None:
    """If it failed, every producer would have to install PyMuPDF, and take on its licence."""
    ended = run("""
        from ingestkit_pdf import *
        from ingestkit_pdf import ExecutionBackend, DistributedExecutionBackend, LocalExecutionBackend
        from ingestkit_pdf.execution import SubmitError
        from ingestkit_pdf.protocols import EmbeddingBackend
        from ingestkit_pdf.models import ProcessingResult
        backend = DistributedExecutionBackend("amqp://guest:guest@localhost:1/")
        config = PDFProcessorConfig(execution_backend="distributed", execution_queue_url="amqp://localhost")
        assert isinstance(backend, ExecutionBackend)
        assert isinstance(LocalExecutionBackend(), ExecutionBackend)
        with create_default_router(config):
            print("works")
    """)
    assert (ended.stdout, ended.stderr) == ("works\n", "")


def test_importing_the_package_loads_and_starts_nothing() -> None:
    """If it failed, every program that imports the package would pay for what it may never use."""
    ended = run("""
        import threading
        import ingestkit_pdf, ingestkit_pdf.execution
        heavy = {"pika", "pydantic", "multiprocessing", "ingestkit_pdf.pdf"} & set(sys.modules)
        print(sorted(heavy), threading.active_count())
    """)
    assert (ended.stdout, ended.stderr) == ("[] 1\n", "")
