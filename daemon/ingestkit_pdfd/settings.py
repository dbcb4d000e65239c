"""The daemon's settings: built once at the start, frozen, and passed down.

Sources, the first one that names a setting wins: command line, environment (`INGESTKIT_PDFD_<NAME>`),
the systemd credentials directory (a file of the setting's name), the TOML file, the defaults. They are put
together by `load_settings`.
"""

from __future__ import annotations

import math
import os
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.sources import InitSettingsSource

from ingestkit_pdf._deployment import DEFAULT_INLINE_LIMIT, DEFAULT_LANE, DEFAULT_PREFIX, Lane, Prefix
from ingestkit_pdf._tessdata import LANGUAGE_PATTERN, lacking_ocr
from ingestkit_pdf.execution.failure import FailureReason
from ingestkit_pdf.execution.sandbox import Sandbox
from ingestkit_pdf.execution.tls import BrokerTLS
from ingestkit_pdf.wire.secrets import PasswordSeal

from ._credentials import Credentials
from .log import Level, Subsystem
from .outcome import DEFAULT_ATTEMPTS, RetryPolicy

__all__ = ["ENV_PREFIX", "FILE_VALUES", "DaemonSettings"]

ENV_PREFIX = "INGESTKIT_PDFD_"
_MIB = 1024 * 1024
FILE_VALUES = "_file_values"
"""The option under which the values of the file come in."""


def _default_workers() -> int:
    return len(os.sched_getaffinity(0))


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError(f"{path} is not an absolute path")
    return path


def _amqp(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(("amqp://", "amqps://")):
        raise ValueError("the URL starts with neither amqp:// nor amqps://")
    return url


def _secrets_key(key: SecretStr) -> SecretStr:
    PasswordSeal(key)
    return key


def _readable(languages: list[str]) -> list[str]:
    if languages and (lack := lacking_ocr(languages)) is not None:
        raise ValueError(f"OCR is not installed for them: {lack}")
    return languages


def _collector(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("the URL starts with neither http:// nor https://")
    try:
        found = find_spec("opentelemetry.exporter.otlp.proto.http")
    except ModuleNotFoundError:  # not even what it is part of
        found = None
    if found is None:
        raise ValueError(
            "tracing needs OpenTelemetry: install.sh --extras otel, or pip install 'ingestkit-pdf[otel]'"
        )
    return url


Seconds = Annotated[float, Field(gt=0)]


class DaemonSettings(BaseSettings):
    """What the daemon can be told."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, extra="forbid", frozen=True, env_ignore_empty=False
    )

    amqp_url: Annotated[SecretStr, AfterValidator(_amqp)] = Field(
        SecretStr("amqp://guest:guest@localhost:5672/"), description="the broker; amqps:// for TLS"
    )
    tls_ca_file: Path | None = Field(
        None, description="PEM file of the CAs that the broker's certificate may be from; none: the system's"
    )
    tls_cert_file: Path | None = Field(
        None, description="PEM file of the client certificate, where the broker demands one"
    )
    tls_key_file: Path | None = Field(None, description="PEM file of its key; none: it is in tls_cert_file")
    tls_key_password: SecretStr | None = Field(None, description="of an encrypted key")
    tls_server_name: str | None = Field(
        None, min_length=1, description="name that the broker's certificate must have; none: the URL's host"
    )
    tls_minimum_version: Literal["1.2", "1.3"] = Field("1.2", description="of TLS, at least")
    prefix: Prefix = Field(DEFAULT_PREFIX, description="of every exchange and queue")
    lanes: list[Lane] = Field([DEFAULT_LANE], min_length=1, description="the lanes to consume")
    workers: int = Field(default_factory=_default_workers, ge=1, le=512, description="worker processes")
    prefetch: int | None = Field(
        None, ge=1, le=10_000, description="deliveries a lane may hold; default: twice the workers"
    )
    allowed_roots: list[Annotated[Path, AfterValidator(_absolute)]] = Field(
        [], description="folders that jobs by path may read; none: inline jobs only"
    )
    tokenizer_files: list[Annotated[Path, AfterValidator(_absolute)]] = Field(
        [], description="each a tokenizer.json that jobs may name; loaded at the start"
    )
    secrets_key: Annotated[SecretStr, AfterValidator(_secrets_key)] | None = Field(
        None, description="opens the passwords that jobs carry; the producers' own, several to change it"
    )
    staging_dir: Path = Field(
        default_factory=lambda: Path(tempfile.gettempdir()), description="where inline documents are staged"
    )
    inline_limit: int = Field(
        DEFAULT_INLINE_LIMIT, ge=1, le=128 * _MIB, description="bytes of an inline document"
    )
    document_timeout: Seconds = Field(300.0, description="seconds a document may take at most")
    drain_timeout: Seconds = Field(30.0, description="seconds that running jobs may take when stopping")
    worker_memory: int = Field(2048 * _MIB, ge=256 * _MIB, description="bytes of address space of a worker")
    worker_max_documents: int = Field(500, ge=1, description="documents after which a worker is replaced")
    worker_max_resident: int = Field(
        768 * _MIB, ge=128 * _MIB, description="bytes of resident memory from which a worker is replaced"
    )
    ocr_languages: Annotated[
        list[Annotated[str, Field(pattern=LANGUAGE_PATTERN)]], AfterValidator(_readable)
    ] = Field([], description="that OCR must be able to read here (`eng`), or the daemon does not start")
    sandbox: Sandbox = Field(
        Sandbox.AUTO, description="confine workers: auto as far as this host can, required, or off"
    )
    retry_attempts: dict[FailureReason, Annotated[int, Field(ge=1, le=100)]] = Field(
        {}, description="attempts in all, by reason; what is not named keeps its default"
    )
    max_deliveries: int = Field(
        15,
        ge=1,
        le=1000,
        description="unsettled deliveries after which a job is parked; keep it below the broker's limit",
    )
    delivery_limit: int | None = Field(
        None, ge=1, description="the policy's delivery-limit for the job queues; none: the broker's own"
    )
    delivery_timeout: Seconds = Field(
        1800.0, description="the broker's consumer_timeout, in seconds: what it lets a delivery go unsettled"
    )
    heartbeat: int = Field(10, ge=1, le=600, description="seconds between the broker's heartbeats")
    connect_timeout: Seconds = Field(10.0, description="seconds for one attempt to connect")
    publish_timeout: Seconds = Field(30.0, description="seconds for the broker to confirm a message")
    remember_results: int = Field(
        16 * _MIB, ge=0, description="bytes of recent results kept to answer a redelivery"
    )
    http_host: str = Field("127.0.0.1", min_length=1, description="address of /healthz, /readyz, /metrics")
    http_port: int | None = Field(
        None, ge=0, le=65535, description="their port, 9464 by custom; 0: any free one; none: not served"
    )
    trace_endpoint: Annotated[str, AfterValidator(_collector)] | None = Field(
        None, description="OTLP/HTTP collector, http://localhost:4318 by custom; none: no tracing"
    )
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="auto: console on a terminal, else json"
    )
    log_level: Level = Field("info", description="the lowest level that is logged")
    log_levels: dict[Subsystem, Level] = Field(
        {}, description="the same for one subsystem; what is not named has log_level"
    )

    @model_validator(mode="after")
    def _check_tls(self) -> Self:
        url = self.amqp_url.get_secret_value()
        self.tls.check_url(url)
        if url.startswith("amqps://"):
            self.tls.context()
        return self

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        if self.longest_delivery >= self.delivery_timeout:
            raise ValueError(
                f"a delivery may go unsettled for {self.longest_delivery:g} s (waiting for its turn, "
                f"document_timeout, drain_timeout), but the broker takes it back after delivery_timeout = "
                f"{self.delivery_timeout:g} s: lower prefetch or document_timeout, or raise "
                f"consumer_timeout on the broker and delivery_timeout here"
            )
        return self

    @property
    def tls(self) -> BrokerTLS:
        """How `amqps://` is spoken."""
        password = self.tls_key_password
        return BrokerTLS(
            ca_file=self.tls_ca_file,
            cert_file=self.tls_cert_file,
            key_file=self.tls_key_file,
            key_password=None if password is None else password.get_secret_value(),
            server_name=self.tls_server_name,
            minimum_version=self.tls_minimum_version,
        )

    @property
    def seal(self) -> PasswordSeal | None:
        """Opens the passwords that jobs carry."""
        return PasswordSeal(self.secrets_key) if self.secrets_key else None

    @property
    def effective_prefetch(self) -> int:
        """Deliveries that each lane may hold: what runs, and as much again that is ready to run."""
        return self.prefetch or 2 * self.workers

    @property
    def longest_delivery(self) -> float:
        """Seconds that a delivery may go unsettled at worst: it waits for its turn, runs, and is drained."""
        turns = math.ceil(self.effective_prefetch * len(self.lanes) / self.workers)
        return turns * self.document_timeout + self.drain_timeout

    @property
    def retry_policy(self) -> RetryPolicy:
        """The defaults with what `retry_attempts` overrides."""
        return RetryPolicy(attempts={**DEFAULT_ATTEMPTS, **self.retry_attempts})

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is the library's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line, environment, credentials, file: in this order."""
        assert isinstance(init_settings, InitSettingsSource)
        options = dict(init_settings.init_kwargs)
        file_values = options.pop(FILE_VALUES, {})
        return (
            InitSettingsSource(settings_cls, options),
            env_settings,
            Credentials(settings_cls),
            InitSettingsSource(settings_cls, file_values),
        )
