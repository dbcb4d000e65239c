"""A certificate authority of a test's own, made with openssl."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["Authority", "KeyPair"]

_NAMES = "DNS:localhost,IP:127.0.0.1"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its key."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates; its own is what the other side is told to trust.

    Args:
        folder: Where the files go; made here.
        name: What it is called in its certificates.
    """

    def __init__(self, folder: Path, name: str = "Test CA") -> None:
        if shutil.which("openssl") is None:
            pytest.skip("openssl is not installed (Debian: openssl)")
        folder.mkdir(parents=True)
        self._folder = folder
        self.certificate = folder / "ca.pem"
        self._key = folder / "ca.key"
        self._openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-keyout", str(self._key), "-out", str(self.certificate), "-subj", f"/CN={name}"),
            *("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"),
        )

    def issue(
        self, name: str, *, subject: str = _NAMES, expired: bool = False, password: str | None = None
    ) -> KeyPair:
        """A certificate for these names (`DNS:…`, `IP:…`), its key encrypted where there is a password."""
        pair = KeyPair(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        request, extensions = self._folder / f"{name}.csr", self._folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={subject}\n")
        secrecy = ["-nodes"] if password is None else ["-passout", f"pass:{password}"]
        self._openssl(
            *("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", *secrecy),
            *("-keyout", str(pair.key), "-out", str(request), "-subj", f"/CN={name}"),
        )
        # A validity that ends before it begins: over, whenever it is looked at.
        days = "-1" if expired else "2"
        self._openssl(
            *("x509", "-req", "-in", str(request), "-CA", str(self.certificate), "-CAkey", str(self._key)),
            *("-CAcreateserial", "-days", days, "-extfile", str(extensions), "-out", str(pair.certificate)),
        )
        return pair

    @staticmethod
    def _openssl(*arguments: str) -> None:
        done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
