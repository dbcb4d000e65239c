"""What a helper in a sandbox can reach: offered by one worker, tried by another."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from ingestkit_pdf.models import ProcessingResult
from support.hostile import result_of

__all__ = ["look_around", "offer_it"]


def offer_it(file_path: str, config: dict[str, Any], *, share: Any) -> ProcessingResult:
    """Work slowly; the result's note is what a helper found."""
    share.offer(b"a plan", 0, 1000)
    found = b"null"
    while (part := share.take(1)) is not None and found == b"null":
        time.sleep(0.01)
        found = part[2] or found
    return result_of(file_path, note=found.decode())


def look_around(file_path: str, config: dict[str, Any], *, on_page: Any, share: Any) -> None:
    """Read the document, and try another file."""
    while share.take(1) is not None:
        try:
            other = Path(config["other"]).read_text()[:1]
        except OSError as error:
            other = type(error).__name__
        document = os.pread(int(file_path.rpartition("/")[2]), 100, 0).decode()
        share.give(json.dumps({"document": document, "other": other}).encode())
