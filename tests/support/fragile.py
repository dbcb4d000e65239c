"""A `process_fn` whose module cannot be imported while the file named by INGESTKIT_TEST_BREAK exists."""

from __future__ import annotations

import os
from pathlib import Path

from support.hostile import act

__all__ = ["act_if_whole"]

if Path(os.environ["INGESTKIT_TEST_BREAK"]).exists():
    raise RuntimeError("broken on purpose")

act_if_whole = act
