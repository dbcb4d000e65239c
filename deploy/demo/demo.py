"""The demonstration: PDFs go through a real broker and a real daemon and come back as Markdown.

    make demo                            the sample documents
    make demo FILES="a.pdf b.pdf"        your own
    AMQP_URL=amqp://… make demo          through a broker that is running already

Exit code 0 when every document was answered (that a corrupt one cannot be read is an answer), else 1.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from demo.broker import BrokerError, PrivateBroker
from demo.cleanup import CLIENT_ID, check_broker, remove_topology
from demo.leftovers import MARKER
from demo.samples import make_samples
from demo.service import DaemonService, ServiceError
from demo.table import outcome, render, row
from ingestkit_pdf import DistributedExecutionBackend, ExecutionError, PDFProcessorConfig, ProcessingResult
from ingestkit_pdf.errors import ResultTimeoutError

__all__ = ["main"]

_OUTPUT = Path("build/demo")
_WORKERS = 2
_DOCUMENT_SECONDS = 300.0
_GRACE_SECONDS = 60.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """A signal asked to stop; not an error, so nothing that handles errors may catch it."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def main(arguments: Sequence[str]) -> int:
    """Run the demonstration; the exit code."""
    files = [Path(argument) for argument in arguments]
    if missing := [str(file) for file in files if not file.is_file()]:
        print(f"demo: no such file: {', '.join(missing)}", file=sys.stderr)
        return 2
    for number in _SIGNALS:
        signal.signal(number, _stop)
    say = _Printer()
    try:
        return _run(files, say)
    except Stopped as stopped:
        say(f"interrupted by {stopped}")
        return 128 + stopped.number
    except (BrokerError, ServiceError, ExecutionError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1


class _Printer:
    """Prints the steps with the seconds since the start."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __call__(self, text: str) -> None:
        print(f"{time.monotonic() - self._start:6.1f} s  {text}", flush=True)


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    # The first signal stops; while that is under way, no other may leave it half done.
    for other in _SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    raise Stopped(number)


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """No signal interrupts what is done here; one that came takes effect at the end."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


def _run(files: list[Path], say: _Printer) -> int:
    _OUTPUT.mkdir(parents=True, exist_ok=True)
    if not files:
        files = make_samples(_OUTPUT / "samples")
        say(f"made {len(files)} sample documents in {_OUTPUT / 'samples'}")
    with contextlib.ExitStack() as stack:
        # Runs last, so that it is only said once all of it is true.
        stack.callback(lambda: say("stopped the daemon and everything else that was started"))
        url, prefix, environment = stack.enter_context(_broker(say))
        settings = {
            "amqp_url": url,
            "prefix": prefix,
            "workers": _WORKERS,
            "document_timeout": _DOCUMENT_SECONDS,
            # For documents that are too large to travel inside their job.
            "allowed_roots": sorted({str(file.resolve().parent) for file in files}),
        }
        service = stack.enter_context(DaemonService(_OUTPUT / "daemon.log", settings, environment))
        say(f"the daemon takes jobs, {_WORKERS} worker processes; its log is {service.log_file}")
        backend = stack.enter_context(DistributedExecutionBackend(url, prefix=prefix, client_id=CLIENT_ID))
        results = _process(files, backend, service, say)
        _write(results)
        print(f"\n{render([row(result) for result in results])}\n", flush=True)
    say(f"{len(results)} of {len(files)} documents were answered; Markdown and JSON: {_OUTPUT.resolve()}")
    return 0 if len(results) == len(files) else 1


@contextlib.contextmanager
def _broker(say: _Printer) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """AMQP URL, prefix of all names, and variables for the daemon: of the broker that is used."""
    prefix = f"ingestkit-demo-{secrets.token_hex(4)}"
    if url := os.environ.get("AMQP_URL"):
        if problem := check_broker(url):
            raise BrokerError(f"the broker that AMQP_URL names cannot be used: {problem}")
        say(f"using the broker that AMQP_URL names, below {prefix}")
        try:
            yield url, prefix, {}
        finally:
            remove_topology(url, prefix)
        return
    with PrivateBroker() as broker:
        say(f"a private RabbitMQ node is up on port {broker.port}")
        # The mark has the broker's guard end the daemon too, should this process be killed.
        yield broker.amqp_url, prefix, {MARKER: str(broker.folder)}


def _process(
    files: list[Path], backend: DistributedExecutionBackend, service: DaemonService, say: _Printer
) -> list[ProcessingResult]:
    """The results in the order of the files, their arrival reported as it happens."""
    config = PDFProcessorConfig(per_document_timeout_seconds=_DOCUMENT_SECONDS)
    with _signals_held():  # a thread that is interrupted while it is being started cannot be stopped
        jobs = {backend.submit(str(file), config): file for file in files}
    say(f"submitted {len(jobs)} documents")
    answered: dict[str, ProcessingResult] = {}
    # The daemon answers for a document that takes too long; this is for a broker that is gone.
    deadline = time.monotonic() + _DOCUMENT_SECONDS * len(jobs) + _GRACE_SECONDS
    while (waiting := [job for job in jobs if job not in answered]) and time.monotonic() < deadline:
        with contextlib.suppress(ResultTimeoutError):  # in slices, to notice a daemon that is gone
            for job, result in backend.as_completed(waiting, timeout=1.0):
                answered[job] = result
                say(f"[{len(answered)}/{len(jobs)}] {jobs[job].name}: {outcome(result)}")
        service.check()
    for job in waiting:
        say(f"no answer: {jobs[job]}")
    return [answered[job] for job in jobs if job in answered]


def _write(results: Sequence[ProcessingResult]) -> None:
    """One Markdown and one JSON file for each result; what an earlier run wrote there goes."""
    for old in [*_OUTPUT.glob("*.md"), *_OUTPUT.glob("*.json")]:
        old.unlink()
    for result in results:
        stem, number = Path(result.file_path).stem, 1
        while (_OUTPUT / f"{stem}.json").exists():  # two documents of the same name
            number += 1
            stem = f"{Path(result.file_path).stem}-{number}"
        (_OUTPUT / f"{stem}.json").write_text(result.model_dump_json(indent=2), encoding="utf-8")
        if result.markdown:
            (_OUTPUT / f"{stem}.md").write_text(result.markdown, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
