"""The daemon's settings and their sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingestkit_pdf.execution.failure import FailureReason
from ingestkit_pdfd.load_settings import SettingsError, load_settings
from ingestkit_pdfd.settings import DaemonSettings
from support.certificates import Authority


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("INGESTKIT_PDFD_") or name == "CREDENTIALS_DIRECTORY":
            monkeypatch.delenv(name)


def toml(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return path


def test_the_defaults_read_no_files_and_take_inline_jobs_only() -> None:
    """A daemon without configuration would read paths that nobody allowed."""
    settings = load_settings()
    assert settings.allowed_roots == []
    assert settings.lanes == ["default"]
    assert settings.prefix == "ingestkit.pdf"


def test_sources_win_in_the_documented_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator's override would lose against a source that it is meant to override."""
    config = toml(tmp_path, 'workers = 2\nprefix = "file"\nlog_level = "error"\namqp_url = "amqp://file"\n')
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "amqp_url").write_text("amqp://credential\n")
    (credentials / "prefix").write_text("credential")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    monkeypatch.setenv("INGESTKIT_PDFD_PREFIX", "environment")
    monkeypatch.setenv("INGESTKIT_PDFD_LOG_LEVEL", "warning")
    settings = load_settings(config, {"log_level": "debug", "workers": None})
    assert settings.log_level == "debug"
    assert settings.prefix == "environment"
    assert settings.amqp_url.get_secret_value() == "amqp://credential"
    assert settings.workers == 2


def test_lists_and_tables_in_the_environment_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lanes could not be set by environment variables, which is how containers are configured."""
    monkeypatch.setenv("INGESTKIT_PDFD_LANES", '["fast", "slow"]')
    monkeypatch.setenv("INGESTKIT_PDFD_RETRY_ATTEMPTS", '{"memory": 2}')
    settings = load_settings()
    assert settings.lanes == ["fast", "slow"]
    assert settings.retry_policy.attempts[FailureReason.MEMORY] == 2
    assert settings.retry_policy.attempts[FailureReason.CRASHED] == 2


def test_unknown_keys_are_errors_that_name_the_nearest_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A misspelt setting would be ignored silently."""
    monkeypatch.setenv("INGESTKIT_PDFD_WORKER", "3")
    with pytest.raises(SettingsError) as caught:
        load_settings(toml(tmp_path, "drain_timout = 5\n"))
    text = "\n".join(caught.value.problems)
    assert "'drain_timout'; did you mean 'drain_timeout'" in text
    assert "'INGESTKIT_PDFD_WORKER'; did you mean 'INGESTKIT_PDFD_WORKERS'" in text


def test_every_problem_is_reported_at_once(tmp_path: Path) -> None:
    """An operator would mend one problem after the other, with a restart for each."""
    config = toml(
        tmp_path, 'workers = 0\nlanes = ["a b"]\nallowed_roots = ["relative"]\namqp_url = "http://x"\n'
    )
    with pytest.raises(SettingsError) as caught:
        load_settings(config)
    text = "\n".join(caught.value.problems)
    assert all(name in text for name in ("workers", "lanes", "allowed_roots", "amqp_url"))


@pytest.mark.parametrize("text", ["workers = ", "= 3"])
def test_a_file_that_is_not_toml_is_named(tmp_path: Path, text: str) -> None:
    """The operator would see a traceback instead of the file and the place."""
    config = toml(tmp_path, text)
    with pytest.raises(SettingsError, match=r"config\.toml"):
        load_settings(config)


def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    """A typo in --config would start the daemon with the defaults."""
    with pytest.raises(SettingsError, match=r"nowhere\.toml"):
        load_settings(tmp_path / "nowhere.toml")


def test_the_password_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Printing or logging the settings would give away the broker's password."""
    monkeypatch.setenv("INGESTKIT_PDFD_AMQP_URL", "amqp://user:geheim@host/")
    assert "geheim" not in repr(load_settings())
    monkeypatch.setenv("INGESTKIT_PDFD_AMQP_URL", "http://user:geheim@host/")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "geheim" not in str(caught.value)


def test_limits_that_contradict_the_brokers_delivery_timeout_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The broker would take back long documents in the middle and deliver them again and again."""
    monkeypatch.setenv("INGESTKIT_PDFD_WORKERS", "2")
    monkeypatch.setenv("INGESTKIT_PDFD_PREFETCH", "4")
    monkeypatch.setenv("INGESTKIT_PDFD_DOCUMENT_TIMEOUT", "600")
    assert load_settings().longest_delivery == 2 * 600 + 30
    monkeypatch.setenv("INGESTKIT_PDFD_LANES", '["a", "b"]')
    with pytest.raises(SettingsError, match="consumer_timeout"):
        load_settings()


def test_settings_are_frozen() -> None:
    """Settings could change under way, and no two parts of the daemon would agree."""
    settings = DaemonSettings()
    with pytest.raises(ValueError, match="frozen"):
        settings.workers = 3  # type: ignore[misc]


def test_a_credential_that_is_a_file_is_that_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Otherwise a key would have to be readable by the daemon's user, or be taken for the name of a file."""
    pair = Authority(tmp_path / "ca").issue("client", password="sesame")
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "amqp_url").write_text("amqps://broker/")
    (folder / "tls_cert_file").write_bytes(pair.certificate.read_bytes())
    (folder / "tls_key_file").write_bytes(pair.key.read_bytes())
    (folder / "tls_key_password").write_text("sesame\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    settings = load_settings()
    assert settings.tls.key_file == folder / "tls_key_file"
    assert "sesame" not in repr(settings)
    (folder / "tls_key_password").write_text("open")
    with pytest.raises(SettingsError, match="does not open with tls_key_password"):
        load_settings()


def test_a_credential_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Otherwise the daemon would end with a traceback, and not say which file it is about."""
    (tmp_path / "amqp_url").mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with pytest.raises(SettingsError, match="amqp_url: Is a directory"):
        load_settings()
