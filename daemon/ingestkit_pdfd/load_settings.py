"""The settings from all their sources, or everything that is wrong with them."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ingestkit_pdf.config import unknown_key_message

from .settings import ENV_PREFIX, FILE_VALUES, DaemonSettings

__all__ = ["CONFIG_FILE_VARIABLE", "DEFAULT_CONFIG_FILE", "SettingsError", "load_settings", "problem_lines"]

CONFIG_FILE_VARIABLE = f"{ENV_PREFIX}CONFIG"
DEFAULT_CONFIG_FILE = Path("/etc/ingestkit-pdfd/config.toml")


class SettingsError(ValueError):
    """The settings are not valid; `problems` holds one line for each thing that is wrong."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


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
        settings = DaemonSettings(**{**given, FILE_VALUES: file_values})
    except ValidationError as error:
        problems += problem_lines(error)
    except OSError as error:  # a credential
        problems.append(f"{error.filename}: {error.strerror}: give the daemon's user the right to read it")
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


def problem_lines(error: ValidationError) -> list[str]:
    """One line for each thing that is wrong, without the values, which may be secrets."""
    return [_line(item) for item in error.errors(include_url=False, include_input=False)]


def _line(error: Any) -> str:
    where = ".".join(str(step) for step in error["loc"])
    return f"{where}: {error['msg'].removeprefix('Value error, ')}" if where else str(error["msg"])
