"""PDFs in, clean structured text out: here, or through RabbitMQ on as many machines as it takes.

The names below are imported when they are first used: importing the package loads neither the PDF
parser nor the AMQP client, starts nothing, and works with the base install.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from ingestkit_pdf._lazy import lazy_names

if TYPE_CHECKING:
    from ingestkit_pdf.config import PDFProcessorConfig
    from ingestkit_pdf.errors import (
        ErrorCode,
        ExecutionError,
        IngestError,
        JobNotFoundError,
        ResultTimeoutError,
        SubmitError,
    )
    from ingestkit_pdf.execution.distributed import DistributedExecutionBackend
    from ingestkit_pdf.execution.local import LocalExecutionBackend
    from ingestkit_pdf.execution.protocol import ExecutionBackend
    from ingestkit_pdf.execution.tls import BrokerTLS
    from ingestkit_pdf.models import ProcessingResult
    from ingestkit_pdf.router import PDFRouter, create_default_router

    __version__: str

__all__ = [
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

_find, __dir__ = lazy_names(
    __name__,
    {
        "BrokerTLS": "ingestkit_pdf.execution.tls",
        "DistributedExecutionBackend": "ingestkit_pdf.execution.distributed",
        "ErrorCode": "ingestkit_pdf.errors",
        "ExecutionBackend": "ingestkit_pdf.execution.protocol",
        "ExecutionError": "ingestkit_pdf.errors",
        "IngestError": "ingestkit_pdf.errors",
        "JobNotFoundError": "ingestkit_pdf.errors",
        "LocalExecutionBackend": "ingestkit_pdf.execution.local",
        "PDFProcessorConfig": "ingestkit_pdf.config",
        "PDFRouter": "ingestkit_pdf.router",
        "ProcessingResult": "ingestkit_pdf.models",
        "ResultTimeoutError": "ingestkit_pdf.errors",
        "SubmitError": "ingestkit_pdf.errors",
        "create_default_router": "ingestkit_pdf.router",
    },
)


def __getattr__(name: str) -> object:
    return version("ingestkit-pdf") if name == "__version__" else _find(name)
