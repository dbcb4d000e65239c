"""What attempts need of the daemon that makes them."""

from __future__ import annotations

from dataclasses import dataclass, field

from ingestkit_pdf.execution.pool import WorkerPool
from ingestkit_pdf.wire.secrets import PasswordSeal

from .following import Following
from .metrics import Metrics
from .outcome import RetryPolicy
from .remembered import Remembered, cancelled_jobs
from .reply import Outbox
from .source import Staging
from .tracing import NoTracing, Tracing

__all__ = ["Services"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What every attempt needs; `seal` opens passwords of jobs, `tokenizers` are files they may name."""

    pool: WorkerPool
    staging: Staging
    outbox: Outbox
    policy: RetryPolicy
    document_timeout: float
    max_deliveries: int
    metrics: Metrics = field(default_factory=Metrics)
    tracing: Tracing = field(default_factory=NoTracing)
    seal: PasswordSeal | None = None
    tokenizers: frozenset[str] = frozenset()
    cancelled: Remembered = field(default_factory=cancelled_jobs)
    following: Following = field(default_factory=Following)

    def check_tokenizer(self, name: str) -> None:
        """See that the daemon has it: a confined worker opens no file, and no job says what is opened.

        Raises:
            LookupError: It is a file that the daemon was not told to load.
        """
        if name.startswith("/") and name not in self.tokenizers:
            raise LookupError("the job's tokenizer is not among the tokenizer_files of this daemon")
