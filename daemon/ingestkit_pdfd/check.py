"""Everything that would keep the daemon from working, found at once."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from ingestkit_pdf.execution.sandbox import Sandbox, lacking
from ingestkit_pdf.wire.topology import Topology

from .amqp import (
    BrokerAddress,
    BrokerRefusedError,
    BrokerUnavailableError,
    close_quietly,
    connect,
    inspect_topology,
)
from .settings import DaemonSettings

__all__ = ["Finding", "check_broker", "check_host"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        subject: What was looked at.
        problem: What is wrong with it; None when it is well.
        remedy: What to do about the problem, or what to know about what is well.
    """

    subject: str
    problem: str | None = None
    remedy: str = ""


def check_host(settings: DaemonSettings) -> list[Finding]:
    """The folders and limits of this host."""
    return [
        _staging(settings.staging_dir),
        *(_allowed_root(root) for root in settings.allowed_roots),
        _memory(settings),
        *_sandbox(settings),
    ]


def _staging(folder: Path) -> Finding:
    subject = f"staging folder {folder}"
    try:
        with tempfile.TemporaryFile(dir=folder):
            return Finding(subject)
    except OSError as error:
        return Finding(subject, error.strerror, "set staging_dir to a folder that the daemon may write to")


def _allowed_root(root: Path) -> Finding:
    subject = f"allowed root {root}"
    if not root.is_dir():
        return Finding(subject, "is not a folder", "create it, or take it out of allowed_roots")
    if not os.access(root, os.R_OK | os.X_OK):
        return Finding(subject, "may not be read", "give the daemon's user the right to read it")
    return Finding(subject)


def _memory(settings: DaemonSettings) -> Finding:
    need = settings.workers * settings.worker_max_resident
    have = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    subject = f"memory of {settings.workers} workers"
    if need <= have:
        return Finding(subject)
    problem = f"up to {need >> 20} MiB resident between two documents, the host has {have >> 20} MiB"
    return Finding(subject, problem, "lower workers or worker_max_resident")


def _sandbox(settings: DaemonSettings) -> list[Finding]:
    subject = f"sandbox of the workers ({settings.sandbox.value})"
    missing = lacking() if settings.sandbox is not Sandbox.OFF else []
    if settings.sandbox is not Sandbox.REQUIRED:
        note = f"this host lacks {'; '.join(missing)}" if missing else ""
        return [Finding(subject, None, note)]
    remedy = 'a kernel with Landlock (5.13 or later) and libseccomp2; sandbox = "auto" takes what there is'
    return [Finding(subject, problem, remedy) for problem in missing] or [Finding(subject)]


async def check_broker(settings: DaemonSettings) -> AsyncIterator[Finding]:
    """The connection, and what exists on the broker already."""
    address = BrokerAddress(settings.amqp_url, settings.heartbeat, settings.connect_timeout)
    subject = f"broker {address}"
    try:
        connection = await connect(address, "ingestkit-pdfd check")
    except BrokerRefusedError as error:
        yield Finding(subject, str(error), "correct amqp_url, or the rights of its user on the broker")
        return
    except BrokerUnavailableError as error:
        yield Finding(subject, str(error), "start the broker, or correct host and port of amqp_url")
        return
    try:
        yield Finding(subject)
        topology = Topology(settings.prefix)
        missing, differing = await inspect_topology(
            connection, topology, settings.lanes, timeout=settings.connect_timeout
        )
    except (BrokerRefusedError, BrokerUnavailableError) as error:
        yield Finding("queues", str(error), "look at the broker's log")
        return
    finally:
        await close_quietly(connection)
    for line in differing:
        yield Finding("queues", line, "delete the queue once it is empty, or choose another prefix")
    if missing:
        note = f"{len(missing)} do not exist yet; the daemon declares them when it starts"
        yield Finding("queues", None, note)
    elif not differing:
        yield Finding("queues")
