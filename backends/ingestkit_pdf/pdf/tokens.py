"""How long texts are in tokens of a real vocabulary, none of which is downloaded.

`cl100k_base` and `o200k_base` (OpenAI's byte-pair vocabularies) are compiled into the package `toktok-rs`,
which counts in C speed. Any other model's `tokenizer.json` is read with Hugging Face's `tokenizers`, the
extra `[tokenizer]`. Why these: ADR 12.
"""

from __future__ import annotations

import hashlib
import importlib
import os
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

__all__ = ["Count", "TokenizerError", "load_tokenizer", "tokenizer_identity"]

Count = Callable[[Sequence[str]], list[int]]
"""The number of tokens of each text; one call for many texts is cheaper than many calls."""

BUILT_IN = ("cl100k_base", "o200k_base")

_NO_LIMIT = 2**40
"""Tokens: `truncate` counts those of the whole text, and starts no threads. `batch_count` asks the system for
the number of processors each time it is called, even for one thread: 50 system calls, 33 µs."""


class TokenizerError(Exception):
    """The tokenizer cannot be used; `str()` says which and why."""


@cache
def load_tokenizer(name: str) -> Count:
    """What counts tokens of this vocabulary. Kept: workers share what the fork server has loaded.

    Args:
        name: One of `BUILT_IN`, or the path of a `tokenizer.json`.

    Raises:
        TokenizerError: It is not installed, cannot be read, or is none.
    """
    return _built_in(name) if name in BUILT_IN else _from_file(name)


@cache
def tokenizer_identity(name: str) -> str:
    """What the ingest key has of a tokenizer: the name of a built-in one, the digest of a file.

    Raises:
        TokenizerError: The file cannot be read.
    """
    if name in BUILT_IN:
        return name
    return "sha256:" + hashlib.sha256(_content(name)).hexdigest()


def _built_in(name: str) -> Count:
    try:
        toktok = importlib.import_module("toktok")
    except ImportError as error:
        raise TokenizerError("counting tokens needs toktok-rs: pip install 'ingestkit-pdf[pdf]'") from error

    def length(text: str) -> int:
        try:
            return int(toktok.truncate(text, _NO_LIMIT, name)[1])
        except UnicodeEncodeError:  # a lone surrogate
            return int(toktok.truncate(_encodable(text), _NO_LIMIT, name)[1])

    def count(texts: Sequence[str]) -> list[int]:
        return [length(text) for text in texts]

    count(["ready"])  # the vocabulary is unpacked by its first use: 0.3 s
    return count


def _from_file(name: str) -> Count:
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # no threads, before a fork and in a worker
    try:
        tokenizers = importlib.import_module("tokenizers")
    except ImportError as error:
        raise TokenizerError(
            f"{name} is read with the package tokenizers: pip install 'ingestkit-pdf[tokenizer]'"
        ) from error
    try:
        tokenizer = tokenizers.Tokenizer.from_buffer(_content(name))
        tokenizer.no_truncation()
        tokenizer.no_padding()
    except TokenizerError:
        raise
    except Exception as error:  # its errors are bare Exceptions
        raise TokenizerError(f"the tokenizer {name} is not a tokenizer.json that can be used") from error

    def count(texts: Sequence[str]) -> list[int]:
        found = tokenizer.encode_batch_fast([_encodable(text) for text in texts], add_special_tokens=False)
        return [len(encoding) for encoding in found]

    return count


def _content(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise TokenizerError(
            f"the tokenizer {name} cannot be read: {reason}; a daemon reads those of its tokenizer_files"
        ) from error


def _encodable(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
