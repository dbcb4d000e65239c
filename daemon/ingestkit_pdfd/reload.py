"""What of the settings can change while the daemon runs, and what a change of them amounts to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import ValidationError

from .load_settings import SettingsError, problem_lines
from .settings import DaemonSettings

__all__ = ["Change", "Effect", "change", "effect_of"]

Effect = Literal["reload", "next connection", "restart"]
"""When a changed setting counts."""

_AT_ONCE = frozenset(
    {
        "allowed_roots",
        "delivery_timeout",
        "document_timeout",
        "drain_timeout",
        "inline_limit",
        "log_level",
        "log_levels",
        "max_deliveries",
        "publish_timeout",
        "retry_attempts",
        "secrets_key",
    }
)
_CONNECTION = frozenset({"amqp_url", "connect_timeout", "delivery_limit", "heartbeat", "prefetch"})


@dataclass(frozen=True, slots=True)
class Change:
    """What comes of new settings.

    Attributes:
        settings: The settings from now on: the new ones, where they can change while the daemon runs.
        applied: Names of those that count at once, for jobs that begin from now on.
        at_next_connection: Names of those that count when a connection to the broker is next opened.
        need_restart: Names of those that differ and were left as they are.
    """

    settings: DaemonSettings
    applied: list[str]
    at_next_connection: list[str]
    need_restart: list[str]


def effect_of(setting: str) -> Effect:
    """When a change of this setting counts."""
    if setting in _AT_ONCE:
        return "reload"
    return "next connection" if setting in _CONNECTION or setting.startswith("tls_") else "restart"


def change(old: DaemonSettings, new: DaemonSettings) -> Change:
    """Take over what can be.

    Raises:
        SettingsError: The settings that this would make contradict each other.
    """
    differing = [name for name in DaemonSettings.model_fields if getattr(old, name) != getattr(new, name)]
    effects: dict[Effect, list[str]] = {"reload": [], "next connection": [], "restart": []}
    for name in differing:
        effects[effect_of(name)].append(name)
    values = {name: getattr(new, name) for name in DaemonSettings.model_fields}
    values |= {name: getattr(old, name) for name in effects["restart"]}
    try:
        settings = DaemonSettings(**values)
    except ValidationError as error:
        raise SettingsError(problem_lines(error)) from error
    return Change(settings, effects["reload"], effects["next connection"], effects["restart"])
