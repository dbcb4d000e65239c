"""The daemon's settings: built once at the start, frozen, and passed down.

Sources, the first one that names a setting wins: command line, environment (`INGESTKIT_PDFD_<NAME>`),
the systemd credentials directory (a file of the setting's name), the TOML file, the defaults.
"""

from __future__ import annotations

import math
import os
import tempfile
import tomllib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.sources import InitSettingsSource

from ingestkit_pdf.config import unknown_key_message
from ingestkit_pdf.execution.failure import FailureReason
from ingestkit_pdf.execution.sandbox import Sandbox
from ingestkit_pdf.wire.envelope import DEFAULT_INLINE_LIMIT
from ingestkit_pdf.wire.topology import DEFAULT_LANE, DEFAULT_PREFIX

from .outcome import DEFAULT_ATTEMPTS, RetryPolicy

__all__ = ["DEFAULT_CONFIG_FILE", "ENV_PREFIX", "DaemonSettings", "SettingsError", "load_settings"]

ENV_PREFIX = "INGESTKIT_PDFD_"
CONFIG_FILE_VARIABLE = f"{ENV_PREFIX}CONFIG"
DEFAULT_CONFIG_FILE = Path("/etc/ingestkit-pdfd/config.toml")
_MIB = 1024 * 1024
_FILE_VALUES = "_file_values"


class SettingsError(ValueError):
    """The settings are not valid; `problems` holds one line for each thing that is wrong."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


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


def _collector(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("the URL starts with neither http:// nor https://")
    try:
        find_spec("opentelemetry.exporter.otlp.proto.http")
    except ModuleNotFoundError:
        raise ValueError("tracing needs OpenTelemetry: pip install 'ingestkit-pdf[otel]'") from None
    return url


Lane = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Seconds = Annotated[float, Field(gt=0)]


class DaemonSettings(BaseSettings):
    """What the daemon can be told."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, extra="forbid", frozen=True, env_ignore_empty=False
    )

    amqp_url: Annotated[SecretStr, AfterValidator(_amqp)] = Field(
        SecretStr("amqp://guest:guest@localhost:5672/"), description="the broker; amqps:// for TLS"
    )
    prefix: str = Field(
        DEFAULT_PREFIX, pattern=r"^[A-Za-z0-9._-]{1,64}$", description="of every exchange and queue"
    )
    lanes: list[Lane] = Field([DEFAULT_LANE], min_length=1, description="the lanes to consume")
    workers: int = Field(default_factory=_default_workers, ge=1, le=512, description="worker processes")
    prefetch: int | None = Field(
        None, ge=1, le=10_000, description="deliveries a lane may hold; default: twice the workers"
    )
    allowed_roots: list[Annotated[Path, AfterValidator(_absolute)]] = Field(
        [], description="folders that jobs by path may read; none: inline jobs only"
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
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="the lowest level that is logged"
    )

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
        file_values = options.pop(_FILE_VALUES, {})
        return (
            InitSettingsSource(settings_cls, options),
            env_settings,
            _Credentials(settings_cls),
            InitSettingsSource(settings_cls, file_values),
        )


class _Credentials(PydanticBaseSettingsSource):
    """Files named like settings in the directory that systemd's LoadCredential= makes."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        if not folder:
            return None, field_name, False
        try:
            value = Path(folder, field_name).read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None, field_name, False
        return value, field_name, False

    def __call__(self) -> dict[str, Any]:
        values = {
            name: self.get_field_value(field, name)[0]
            for name, field in self.settings_cls.model_fields.items()
        }
        return {name: value for name, value in values.items() if value is not None}


def load_settings(
    config_file: Path | None = None, options: Mapping[str, Any] | None = None
) -> DaemonSettings:
    """The settings from all their sources.

    Args:
        config_file: A TOML file; by default what `INGESTKIT_PDFD_CONFIG` names, else
            `/etc/ingestkit-pdfd/config.toml` where it exists.
        options: Settings of the command line; None values count as not given.

    Raises:
        SettingsError: With every problem that was found.
    """
    problems: list[str] = []
    file_values = _file_values(config_file, problems)
    problems += _unknown_variables()
    given = {name: value for name, value in (options or {}).items() if value is not None}
    try:
        settings = DaemonSettings(**{**given, _FILE_VALUES: file_values})
    except ValidationError as error:
        problems += [_line(item) for item in error.errors(include_url=False, include_input=False)]
    except ValueError as error:  # a list or table in the environment that is not JSON
        problems.append(f"{error}; lists and tables in the environment are JSON")
    if problems:
        raise SettingsError(problems)
    return settings


def _file_values(config_file: Path | None, problems: list[str]) -> dict[str, Any]:
    named = config_file or os.environ.get(CONFIG_FILE_VARIABLE)
    path = Path(named) if named else DEFAULT_CONFIG_FILE
    if not named and not path.exists():
        return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        problems.append(f"{path}: {getattr(error, 'strerror', None) or error}")
        return {}
    known = DaemonSettings.model_fields
    problems += [f"{path}: {unknown_key_message(key, known)}" for key in values if key not in known]
    return {key: value for key, value in values.items() if key in known}


def _unknown_variables() -> list[str]:
    known = {f"{ENV_PREFIX}{name}".upper() for name in DaemonSettings.model_fields} | {CONFIG_FILE_VARIABLE}
    return [
        f"environment: {unknown_key_message(name, known)}"
        for name in sorted(os.environ)
        if name.upper().startswith(ENV_PREFIX) and name.upper() not in known
    ]


def _line(error: Any) -> str:
    where = ".".join(str(step) for step in error["loc"])
    return f"{where}: {error['msg'].removeprefix('Value error, ')}" if where else str(error["msg"])
