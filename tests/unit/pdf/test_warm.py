"""What is done before workers are forked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from support.documents import text_pdf

_PROGRAM = """
import json, os, sys
from ingestkit_pdf import PDFProcessorConfig
from ingestkit_pdf.pdf import process_document, warm_up
from ingestkit_pdf.pdf.mupdf import page_blocks
warm_up()
checks = page_blocks._is_laid_out_so.cache_info().misses
threads, before = os.listdir("/proc/self/task"), set(sys.modules)
result = process_document(sys.argv[1], PDFProcessorConfig().model_dump())
print(json.dumps([checks, len(threads), sorted(set(sys.modules) - before), result.errors]))
"""


def test_a_warm_process_can_be_forked_and_has_all_that_a_document_needs(tmp_path: Path) -> None:
    """Forked with a second thread, a worker could hang on that thread's locks; without the modules that a
    document needs and a rehearsal, each worker would import them, check how MuPDF lays out its memory and
    be slow for itself, and its first document would wait for it."""
    path = tmp_path / "document.pdf"
    path.write_bytes(text_pdf("A page with a few words on it, and some more to tell a language by."))
    command = [sys.executable, "-c", _PROGRAM, str(path)]
    done = subprocess.run(command, capture_output=True, check=True, text=True, timeout=60)
    assert json.loads(done.stdout) == [1, 1, [], []]
