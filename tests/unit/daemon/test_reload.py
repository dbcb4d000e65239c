"""Which settings change while the daemon runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from ingestkit_pdfd.load_settings import SettingsError
from ingestkit_pdfd.reload import change, effect_of
from ingestkit_pdfd.settings import DaemonSettings

OLD = DaemonSettings(workers=2)


def test_what_needs_a_restart_stays_as_it_was_and_the_rest_changes() -> None:
    """Otherwise the daemon would act on settings that only half of it knows."""
    new = DaemonSettings(
        workers=4,
        prefix="other",
        drain_timeout=5,
        allowed_roots=[Path("/srv")],
        amqp_url=SecretStr("amqp://x:s3cret@h/"),
    )
    found = change(OLD, new)
    assert found.settings == DaemonSettings(
        workers=2, drain_timeout=5, allowed_roots=[Path("/srv")], amqp_url=SecretStr("amqp://x:s3cret@h/")
    )
    assert (found.applied, found.at_next_connection, found.need_restart) == (
        ["allowed_roots", "drain_timeout"],
        ["amqp_url"],
        ["prefix", "workers"],
    )


def test_settings_that_are_the_same_change_nothing() -> None:
    """Otherwise every reload would name settings that nobody has touched."""
    found = change(OLD, DaemonSettings(workers=2))
    assert (found.applied, found.at_next_connection, found.need_restart) == ([], [], [])


def test_new_settings_that_contradict_those_that_stay_are_refused() -> None:
    """Otherwise what a start refuses would come in by a reload."""
    new = DaemonSettings(workers=64, prefetch=100, document_timeout=500)
    with pytest.raises(SettingsError, match="consumer_timeout"):
        change(OLD, new)


def test_every_setting_that_can_change_exists() -> None:
    """Otherwise a setting that was renamed would silently need a restart."""
    effects = {name: effect_of(name) for name in DaemonSettings.model_fields}
    at_once = [name for name, effect in effects.items() if effect == "reload"]
    connection = [name for name, effect in effects.items() if effect == "next connection"]
    assert (len(at_once), len(connection)) == (11, 11)
