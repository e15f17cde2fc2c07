"""The variables that a command sets for Prefect, unless the user has set them."""

import os

import pytest

from order_factory.cli.environment import load_env_file, prepare_prefect


@pytest.fixture(autouse=True)
def _unset_variables(monkeypatch):
    for name in [
        name for name in os.environ if name.startswith("PREFECT_") or "PROXY" in name.upper()
    ]:
        monkeypatch.delenv(name)


def test_prefect_starts_with_quiet_settings():
    prepare_prefect(verbose=False)

    assert os.environ["PREFECT_FLOWS"] == '{"heartbeat_frequency": null}'
    assert os.environ["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"] == "90"
    assert os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] == "CRITICAL"
    assert "NO_PROXY" not in os.environ


def test_verbose_shows_the_log():
    prepare_prefect(verbose=True)

    assert "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL" not in os.environ


def test_variables_that_the_user_has_set_stay(monkeypatch, tmp_path):
    monkeypatch.setenv("PREFECT_LOGGING_LEVEL", "DEBUG")
    monkeypatch.setenv("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "30")
    (tmp_path / "here" / ".env").write_text(
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY=60\nPREFECT_LOGGING_LEVEL=INFO\n"
    )

    load_env_file()
    prepare_prefect(verbose=False)

    assert os.environ["PREFECT_LOGGING_LEVEL"] == "DEBUG"
    assert os.environ["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"] == "30"
    assert "PREFECT_FLOWS" not in os.environ
    assert "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL" not in os.environ


def test_prefects_local_server_is_called_without_a_proxy(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "shop.example")

    prepare_prefect(verbose=False)

    assert os.environ["NO_PROXY"] == "shop.example,127.0.0.1,localhost"
