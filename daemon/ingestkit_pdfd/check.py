"""Everything about the host that would keep the daemon from working, found at once."""

from __future__ import annotations

import importlib
import os
import tempfile
from pathlib import Path

from ingestkit_pdf._tessdata import lacking_ocr, languages_in, tessdata_folder
from ingestkit_pdf.execution.sandbox import Sandbox, lacking

from .findings import Finding
from .memory import memory_here
from .settings import DaemonSettings

__all__ = ["check_host"]


def check_host(settings: DaemonSettings) -> list[Finding]:
    """The folders and limits of this host."""
    return [
        _staging(settings.staging_dir),
        *(_allowed_root(root) for root in settings.allowed_roots),
        _memory(settings),
        *_sandbox(settings),
        _ocr(settings),
        *map(_tokenizer, settings.tokenizer_files),
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
    have = memory_here()
    subject = f"memory of {settings.workers} workers"
    if need <= have:
        return Finding(subject)
    problem = f"up to {need >> 20} MiB resident between two documents, there are {have >> 20} MiB"
    return Finding(subject, problem, "lower workers or worker_max_resident")


def _sandbox(settings: DaemonSettings) -> list[Finding]:
    subject = f"sandbox of the workers ({settings.sandbox.value})"
    missing = lacking() if settings.sandbox is not Sandbox.OFF else []
    required = settings.sandbox is Sandbox.REQUIRED
    remedy = "a kernel with Landlock (5.13 or later) and libseccomp2"
    if required:
        remedy += '; sandbox = "auto" takes what there is'
    return [Finding(subject, f"this host lacks {part}", remedy, fatal=required) for part in missing] or [
        Finding(subject)
    ]


def _ocr(settings: DaemonSettings) -> Finding:
    """What OCR can read here; settings that ask for more have been refused before."""
    subject = "OCR"
    lack = lacking_ocr(settings.ocr_languages)
    if lack is not None:
        return Finding(subject, None, f"pages that are pictures are reported, not read: {lack}")
    folder = tessdata_folder()
    languages = languages_in(folder) if folder is not None else []
    return Finding(
        subject, None, f"reads {', '.join(name for name in languages if name != 'osd') or 'nothing'}"
    )


def _tokenizer(file: Path) -> Finding:
    subject = f"tokenizer {file}"
    tokens = importlib.import_module("ingestkit_pdf.pdf.tokens")  # with the parser, which is not needed else
    try:
        tokens.load_tokenizer(str(file))
    except tokens.TokenizerError as error:
        return Finding(subject, str(error), "mend the file, or take it out of tokenizer_files")
    return Finding(subject)
