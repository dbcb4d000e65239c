"""TLS to the broker: whom to believe, who we are, and what went wrong, in words. For client and daemon."""

from __future__ import annotations

import re
import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import parse_qs

from ingestkit_pdf.config import PDFProcessorConfig

__all__ = ["BrokerTLS", "TLSError", "ask_again", "explain_tls"]

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}

_QUERY = frozenset({"ssl_options", "cafile", "capath", "cadata", "certfile", "keyfile", "no_verify_ssl"})
"""What pika or aiormq would take from a URL, each in its own way."""

# https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/
_NOT_YET_VALID, _EXPIRED = 9, 10
_OTHER_NAME = frozenset({62, 64})
_UNKNOWN_ISSUER = frozenset({2, 18, 19, 20, 21})

_NAMED = re.compile(r"\[SSL: (\w+)\]")
_PASSING = ("INTERNAL_ERROR", "CLOSE_NOTIFY", "USER_CANCELLED")
_NO_COMMON_VERSION = (
    "broker and client have no version of TLS in common: see tls_minimum_version, "
    "and ssl_options.versions on the broker"
)
_NO_TLS = "this port does not speak TLS: by custom amqps:// is port 5671"
_NOT_ACCEPTED = "the broker does not accept the client certificate (tls_cert_file): the broker's log says why"

_MEANINGS = {
    "CERTIFICATE_REQUIRED": "the broker demands a client certificate: set tls_cert_file and tls_key_file",
    "HANDSHAKE_FAILURE": "the broker broke off the handshake; it may demand a client certificate "
    "(tls_cert_file, tls_key_file) or other TLS versions and ciphers: its log says which",
    "UNKNOWN_CA": "the broker does not know the CA of the client certificate (tls_cert_file): "
    "add that CA to the broker's ssl_options.cacertfile, or use a certificate of a CA that it knows",
    "CERTIFICATE_EXPIRED": "the client certificate (tls_cert_file) has expired: renew it",
    "CERTIFICATE_REVOKED": "the client certificate (tls_cert_file) was revoked: get a new one",
    "CERTIFICATE_UNKNOWN": _NOT_ACCEPTED,
    "BAD_CERTIFICATE": _NOT_ACCEPTED,
    "PROTOCOL_VERSION": _NO_COMMON_VERSION,
    "UNSUPPORTED_PROTOCOL": _NO_COMMON_VERSION,
    "WRONG_VERSION_NUMBER": _NO_TLS,
    "RECORD_LAYER_FAILURE": _NO_TLS,
}
"""The last words of OpenSSL's name for an alert (`TLSV13_ALERT_CERTIFICATE_REQUIRED`) or failure."""


class TLSError(ValueError):
    """The files cannot be used; the message names the setting, the file and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerTLS:
    """How `amqps://` is spoken. Files are read again for every connection, so renewed ones need no restart.

    The broker's certificate is always checked, against `ca_file` and against its name.

    Attributes:
        ca_file: PEM file of the CAs that the broker's certificate may be from; None: those of the system.
        cert_file: PEM file of the client certificate, with its chain, where the broker demands one.
        key_file: PEM file of its key; None: it is in `cert_file`.
        key_password: Of an encrypted key.
        server_name: The name that the broker's certificate must have; None: the host of the URL.
        minimum_version: The oldest version of TLS that is spoken.
    """

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    key_password: str | None = field(default=None, repr=False)
    server_name: str | None = None
    minimum_version: Literal["1.2", "1.3"] = "1.2"

    @classmethod
    def from_config(cls, config: PDFProcessorConfig) -> Self:
        """What a producer's configuration says (`execution_tls_…`).

        Raises:
            TLSError: The file with the key's password cannot be read.
        """
        password = config.execution_tls_key_password_file
        return cls(
            ca_file=config.execution_tls_ca_file,
            cert_file=config.execution_tls_cert_file,
            key_file=config.execution_tls_key_file,
            key_password=None if password is None else _password_in(password),
            server_name=config.execution_tls_server_name,
            minimum_version=config.execution_tls_minimum_version,
        )

    def check_url(self, url: str) -> None:
        """Refuse a URL that says something else than these settings do.

        Raises:
            ValueError: It has TLS options of its own, or is not `amqps://` although something is set.
        """
        query = url.partition("?")[2]
        if found := sorted(_QUERY & parse_qs(query, keep_blank_values=True).keys()):
            raise ValueError(
                f"{', '.join(found)} in the URL: TLS is set with tls_ca_file and its like instead"
            )
        if self != BrokerTLS() and not url.startswith("amqps://"):
            raise ValueError(
                "tls_ca_file or its like is set, and the URL is not amqps://: TLS would not be used"
            )

    def context(self) -> ssl.SSLContext:
        """A context for one connection, from the files as they are now.

        Raises:
            TLSError: A file cannot be read, or is not what it should be.
        """
        context = _NamedContext(ssl.PROTOCOL_TLS_CLIENT)
        context.expected_name = self.server_name
        context.minimum_version = _VERSIONS[self.minimum_version]
        if self.ca_file is None:
            context.load_default_certs()
        else:
            self._load_ca(context, self.ca_file)
        if self.cert_file is not None:
            self._load_identity(context, self.cert_file)
        elif self.key_file is not None:
            raise TLSError("tls_key_file is set, and tls_cert_file is not: set both, or neither")
        return context

    @staticmethod
    def _load_ca(context: ssl.SSLContext, file: Path) -> None:
        _readable("tls_ca_file", file)
        try:
            context.load_verify_locations(file)
        except ssl.SSLError as error:
            raise TLSError(
                f"tls_ca_file {file} holds no certificate in PEM form: it has a line "
                f"'-----BEGIN CERTIFICATE-----'"
            ) from error

    def _load_identity(self, context: ssl.SSLContext, certificate: Path) -> None:
        _readable("tls_cert_file", certificate)
        if self.key_file is not None:
            _readable("tls_key_file", self.key_file)
        # A function, so that OpenSSL never asks for a password on the terminal.
        password = self.key_password or ""
        try:
            context.load_cert_chain(certificate, self.key_file, password=lambda: password)
        except ssl.SSLError as error:
            raise TLSError(self._unusable(error, certificate)) from error

    def _unusable(self, error: ssl.SSLError, certificate: Path) -> str:
        file = self.key_file or certificate
        key = f"tls_key_file {file}" if self.key_file else f"the key in tls_cert_file {file}"
        if error.reason == "KEY_VALUES_MISMATCH":
            return f"{key} is not the key of tls_cert_file {certificate}: use the two that belong together"
        if b"ENCRYPTED" not in file.read_bytes():
            return f"tls_cert_file {certificate} and {key} cannot be used: both must be there, in PEM form"
        if self.key_password is None:
            return f"{key} is encrypted: set tls_key_password"
        return f"{key} does not open with tls_key_password: set the password that it was encrypted with"


class _NamedContext(ssl.SSLContext):
    """Checks the certificate for one name, whatever host is dialled."""

    expected_name: str | None = None

    def wrap_bio(self, *args: Any, **keywords: Any) -> ssl.SSLObject:
        """What asyncio uses."""
        return super().wrap_bio(*args, **self._named(keywords))

    def wrap_socket(self, *args: Any, **keywords: Any) -> ssl.SSLSocket:
        """What pika uses."""
        return super().wrap_socket(*args, **self._named(keywords))

    def _named(self, keywords: dict[str, Any]) -> dict[str, Any]:
        return keywords if self.expected_name is None else {**keywords, "server_hostname": self.expected_name}


def explain_tls(error: BaseException) -> str | None:
    """What a failed handshake means and what to do about it, where waiting does not mend it; else None.

    Args:
        error: OpenSSL's own, or one that a library made of it: then its text tells.
    """
    inner = error.__cause__
    for found in (error, inner):
        if isinstance(found, ssl.SSLCertVerificationError):
            return _unverified(found)
    named = _NAMED.search(str(error))
    if named is None:
        return None
    word = named[1]
    for sign, text in _MEANINGS.items():
        if word.endswith(sign):
            return text
    if "_ALERT_" in word and not word.endswith(_PASSING):
        return f"the broker refuses the TLS connection ({word}): its log says why"
    return None


def ask_again(host: str, port: int, tls: BrokerTLS, timeout: float = 2.0) -> ssl.SSLError | None:
    """Shake hands once more, and listen: what the broker says of us; None when it says nothing.

    With TLS 1.3 a client may speak before the broker has looked at its certificate. A broker that then
    refuses it says so and resets the connection, and what it said is lost if the reset comes first. Who
    says nothing hears it.
    """
    try:
        with (
            socket.create_connection((host, port), timeout) as connection,
            tls.context().wrap_socket(connection, server_hostname=host) as secured,
        ):
            secured.recv(1)
    except ssl.SSLError as error:
        return error
    except (OSError, TLSError):
        return None
    return None


def _unverified(error: ssl.SSLCertVerificationError) -> str:
    said = str(getattr(error, "verify_message", "") or error.args[-1]).rstrip(".")
    code = getattr(error, "verify_code", 0)
    if code == _EXPIRED:
        return "the broker's certificate has expired: renew it on the broker"
    if code == _NOT_YET_VALID:
        return "the broker's certificate is not valid yet: compare the clocks of both hosts"
    if code in _OTHER_NAME:
        return (
            f"the broker's certificate is for another name ({said}): use a name that it has in the URL, "
            f"or set tls_server_name to one"
        )
    if code in _UNKNOWN_ISSUER:
        return (
            f"the broker's certificate is from a CA that is not trusted here ({said}): "
            f"set tls_ca_file to the certificate of its CA"
        )
    return f"the broker's certificate is refused: {said}"


def _password_in(file: Path) -> str:
    _readable("tls_key_password_file", file)
    return file.read_text(encoding="utf-8").rstrip("\r\n")


def _readable(setting: str, file: Path) -> None:
    try:
        with file.open("rb"):
            return
    except OSError as error:
        raise TLSError(
            f"{setting} {file}: {error.strerror}: the file must exist, and this user may read it"
        ) from error
