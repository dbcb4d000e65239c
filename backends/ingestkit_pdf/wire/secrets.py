"""Passwords of documents on the wire: sealed with a key that producers and daemons share.

A job lies in queues, in retry queues and among the dead letters, where operators and whoever gets at the
broker's disk can read it. So the password of its document is encrypted and authenticated (Fernet: AES-128-CBC
with HMAC-SHA256, https://github.com/fernet/spec), together with the id of its job: what was
sealed for one job cannot be put into another. Without the key it can be neither read nor made.
"""

from __future__ import annotations

import importlib
import json
from typing import Any

from pydantic import SecretStr

__all__ = ["PasswordSeal", "SecretsError"]

_EXTRA = "sealing passwords needs the package cryptography: pip install 'ingestkit-pdf[secrets]'"
_NO_KEY = (
    "a key is 32 random bytes in URL-safe Base64 (44 characters), "
    "as `openssl rand -base64 32 | tr '+/' '-_'` makes them"
)


class SecretsError(ValueError):
    """A key or a sealed password cannot be used; `str()` says why, and has nothing of either."""


class PasswordSeal:
    """Seals passwords and opens them.

    Args:
        keys: One key, or several with white space between them: the first seals, every one opens, so a new
            one can be brought in before the old one goes.

    Raises:
        SecretsError: There is no key, one is none, or the package that does this is not installed.
    """

    def __init__(self, keys: str | SecretStr) -> None:
        try:
            fernet: Any = importlib.import_module("cryptography.fernet")
        except ImportError as error:
            raise SecretsError(_EXTRA) from error
        text = keys.get_secret_value() if isinstance(keys, SecretStr) else keys
        try:
            self._box = fernet.MultiFernet([fernet.Fernet(key) for key in text.split()])
        except ValueError:
            raise SecretsError(f"not a key for secrets: {_NO_KEY}") from None
        self._invalid: type[Exception] = fernet.InvalidToken

    def __repr__(self) -> str:
        return "PasswordSeal(**********)"

    def seal(self, password: SecretStr, job_id: str) -> str:
        """The password of this job's document, so that it can travel."""
        text = json.dumps({"job": job_id, "password": password.get_secret_value()})
        sealed: bytes = self._box.encrypt(text.encode())
        return sealed.decode()

    def open(self, sealed: str, job_id: str) -> SecretStr:
        """The password that was sealed for this job.

        Raises:
            SecretsError: It was sealed with another key, for another job, or was changed.
        """
        try:
            found = json.loads(self._box.decrypt(sealed.encode()))
        except (self._invalid, ValueError):
            raise SecretsError(
                "the password of the job was not sealed with a key that is known here: "
                "secrets_key of daemon and producer must be the same"
            ) from None
        if found["job"] != job_id:
            raise SecretsError("the password of the job was sealed for another job")
        return SecretStr(found["password"])
