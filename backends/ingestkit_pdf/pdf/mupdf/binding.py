"""PyMuPDF's import and set-up, its errors in ours, and what it has to say.

PyMuPDF 2 loads an ONNX layout model with its import (1 s, 60 MiB, six threads); the text-native path has
no use for it, so `pymupdf.layout` is blocked while it is imported; who wants it imports it afterwards.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from hashlib import blake2b
from types import TracebackType
from typing import Any

_LAYOUT = "pymupdf.layout"
_blocked = "pymupdf" not in sys.modules and _LAYOUT not in sys.modules
if _blocked:
    sys.modules[_LAYOUT] = None  # type: ignore[assignment] # makes its import fail

import pymupdf  # noqa: E402
from pymupdf import mupdf  # noqa: E402

if _blocked:
    del sys.modules[_LAYOUT]

__all__ = [
    "FAILURES",
    "SCALE",
    "OutOfMemoryError",
    "ParserError",
    "drop_messages",
    "guarded",
    "letters_of",
    "load_layout_model",
    "message_count",
    "mupdf",
    "printed",
    "pymupdf",
    "take_messages",
    "translate",
]

SCALE = 100
"""MuPDF's JSON has whole numbers: boxes and font sizes are in hundredths of a point."""

_MAX_MESSAGES = 10_000  # of a page; a broken one can have any number
_REPEATED = re.compile(r"\.\.\. repeated \d+ times")

pymupdf.TOOLS.mupdf_display_errors(False)
pymupdf.TOOLS.mupdf_display_warnings(False)


class ParserError(Exception):
    """MuPDF could not do what was asked of it; the message is MuPDF's own."""


class OutOfMemoryError(Exception):
    """MuPDF was refused memory by the address-space limit of this process."""


# MuPDF's own exceptions, Python's for a wrong type or value (a broken document reaches PyMuPDF's Python
# code in many ways) and bare RuntimeErrors.
FAILURES = (
    mupdf.FzErrorBase,
    RuntimeError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OSError,
)


def translate(error: Exception) -> Exception:
    """What MuPDF raised, as `ParserError` or `OutOfMemoryError`."""
    text = str(error)
    if isinstance(error, mupdf.FzErrorSystem) and "alloc" in text:
        return OutOfMemoryError(text)
    return ParserError(text)


class _Guard:
    """A class and one instance, because it is entered some thirty times a page."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, FAILURES):
            raise translate(error) from error


_GUARD = _Guard()


def guarded() -> AbstractContextManager[None]:
    """Turn what MuPDF raises into `ParserError` or `OutOfMemoryError`."""
    return _GUARD


def printed(write: Callable[[Any], None]) -> bytes:
    """What `write` prints to the output it is given."""
    with guarded():
        buffer = mupdf.fz_new_buffer(65536)
        out = mupdf.FzOutput(buffer)
        write(out)
        out.fz_close_output()
        data: bytes = mupdf.fz_buffer_extract(buffer)
        return data


def letters_of(stext: Any) -> list[bytes]:
    """The runs of a structured text page as XML: the attributes of `<font>`, a `<char>` for every letter."""
    flags = mupdf.FZ_STEXT_XML_FLAGS_CHARS
    xml = printed(lambda out: mupdf.fz_print_stext_page_as_xml_with_flags(out, stext, 0, flags))
    return xml.split(b"<font ")[1:]  # far faster than a pattern: there are 150 bytes to a letter


def load_layout_model() -> None:
    """Load PyMuPDF 2's layout model into this process, once: a second, 60 MiB.

    Raises:
        ImportError: It is not installed.
    """
    importlib.import_module(_LAYOUT)


def take_messages() -> set[bytes]:
    """What MuPDF has had to say since the last call, each message once; forgets it.

    As digests: messages can quote the document. How often each came is not told, because what is said once
    when a font is loaded is said again when it is loaded again.
    """
    mupdf.fz_flush_warnings()
    store = pymupdf.JM_mupdf_warnings_store
    if not store:
        return set()
    found = {
        blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()
        for text in set(store[:_MAX_MESSAGES])
        if not _REPEATED.match(text)
    }
    store.clear()
    return found


def message_count() -> int:
    """How many messages wait to be taken."""
    return len(pymupdf.JM_mupdf_warnings_store)


def drop_messages(count: int) -> None:
    """Forget all messages but the first ones: those of work that is no part of reading the document."""
    mupdf.fz_flush_warnings()
    del pymupdf.JM_mupdf_warnings_store[count:]
