"""What every command has in common: help, errors, and speed of starting."""

import os
import signal
import subprocess
import sys
from typing import cast

import pytest
import typer.main
from typer.core import TyperGroup

from order_factory.cli import flow_runs, listings
from order_factory.cli.main import COMMANDS as PANELS
from order_factory.cli.main import app, main

COMMANDS = [str(command.name) for command in app.registered_commands]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_describes_every_option_and_gives_an_example(run, name, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")

    output = run(name, "--help")

    assert output.code == 0
    assert f"Example: order-factory {name}" in output.out
    group = cast(TyperGroup, typer.main.get_command(app))
    command = group.commands[name]
    assert [param.name for param in command.params if not getattr(param, "help", None)] == []
    options = [name for param in command.params for name in param.opts if name.startswith("--")]
    assert [name for name in options if name not in output.out] == []
    assert "…" not in output.out


def test_without_a_command_the_help_is_shown(run):
    output = run()

    assert output.code == 2
    assert "Usage: order-factory" in output.err


def test_the_help_groups_the_commands_and_cuts_nothing_off(run):
    output = run("--help")

    assert [panel for panel in PANELS if f"─ {panel} ─" not in output.out] == []
    assert [name for name in COMMANDS if f" {name} " not in output.out] == []
    assert "..." not in output.out.split("[ARGS]...")[1]
    assert "…" not in output.out


def test_the_shell_completes_commands():
    given = {
        "_ORDER_FACTORY_COMPLETE": "complete_bash",
        "COMP_WORDS": "order-factory ba",
        "COMP_CWORD": "1",
    }
    command = [sys.executable, "-c", "from order_factory.cli.main import main; main([])"]

    done = subprocess.run(
        command, env=_make_environment() | given, text=True, capture_output=True, check=False
    )

    assert done.stdout.split() == ["batches", "batch"]


_WITHOUT_PREFECT = """
import sys
from order_factory.cli.main import main
for arguments in (["--help"], ["orders"], ["show", "x"], ["batches"]):
    main(arguments)
    if "prefect" in sys.modules:
        sys.exit(f"{arguments} imports prefect")
print("done")
"""


def test_commands_that_run_no_flow_do_not_import_prefect(shop):
    command = [sys.executable, "-c", _WITHOUT_PREFECT]

    done = subprocess.run(
        command, env=_make_environment(), text=True, capture_output=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("done\n"), "all of them were run"


def test_a_wrong_command_shows_an_error_and_help(run):
    output = run("orders", "--limit", "0")

    assert (output.code, output.out) == (2, "")
    assert output.err.startswith("Error: Invalid value for '--limit':")
    assert output.err.endswith("See `order-factory orders --help`.\n")


def test_a_wrong_command_reports_its_error_as_json(run):
    output = run("orders", "--limits", "--json")

    assert output.code == 2
    assert output.err == ""
    assert output.json["error"]["code"] == "usage"
    assert output.json["error"]["message"].startswith("No such option: --limits")


def test_an_unexpected_error_is_one_line_without_its_message(shop, run, monkeypatch):
    monkeypatch.setattr(listings, "list_orders", _raise_error)

    output = run("orders")

    assert (output.code, output.out) == (1, "")
    assert output.err == (
        "Error: An unexpected RuntimeError ended the command. No order is half-written. "
        "Run it again with --debug to see the cause.\n"
    )


@pytest.mark.parametrize("given_as", ["option", "environment"])
def test_debug_raises_an_unexpected_error(shop, monkeypatch, given_as):
    monkeypatch.setattr(listings, "list_orders", _raise_error)
    if given_as == "environment":
        monkeypatch.setenv("ORDER_FACTORY_DEBUG", "1")

    with pytest.raises(RuntimeError, match="buyer"):
        main(["orders"] + (["--debug"] if given_as == "option" else []))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            "postgresql://shop:secret@127.0.0.1:1/shop",
            "The database at postgresql+psycopg://shop:***@127.0.0.1:1/shop is not ready",
        ),
        (
            "sqlite:///new.db",
            "The database at sqlite:///{here}/new.db is not ready: there is no such file; run `order-factory init`",
        ),
        ("mysql://shop:secret@localhost/shop", "ORDER_FACTORY_DATABASE_URL names 'mysql'"),
        ("no url: secret", "ORDER_FACTORY_DATABASE_URL is not a database URL"),
        ("sqlite:///words.txt", "The file of sqlite:///{here}/words.txt is not a SQLite database"),
    ],
)
@pytest.mark.parametrize("arguments", [["orders"], ["copy", "1001"], ["verify"], ["batches"]])
def test_the_service_reports_a_database_that_is_not_ready(
    run, monkeypatch, tmp_path, url, message, arguments
):
    (tmp_path / "here" / "words.txt").write_text("This is no database, but a text. " * 100)
    monkeypatch.setenv("ORDER_FACTORY_DATABASE_URL", url)

    output = run(*arguments)

    assert (output.code, output.out) == (2, "")
    assert output.err.startswith(f"Error: {message.format(here=tmp_path / 'here')}")
    assert "secret" not in output.err
    assert "Traceback" not in output.err


def test_the_database_url_may_be_in_an_env_file(run, monkeypatch, tmp_path):
    monkeypatch.delenv("ORDER_FACTORY_DATABASE_URL", raising=False)
    (tmp_path / "here" / ".env").write_text("ORDER_FACTORY_DATABASE_URL=sqlite:///named.db\n")

    output = run("init", "--json")

    assert output.json["database"] == f"sqlite:///{tmp_path / 'here' / 'named.db'}"
    assert (tmp_path / "here" / "named.db").exists()


def test_output_that_is_closed_early_is_not_an_error(sqlite_url):
    with subprocess.Popen(
        [sys.executable, "-m", "order_factory.cli.main", "orders"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_make_environment() | {"ORDER_FACTORY_DATABASE_URL": sqlite_url},
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()

        error_output = process.stderr.read()

    assert error_output == b""
    assert process.returncode == 128 + signal.SIGPIPE


def test_ctrl_c_explains_what_is_unfinished(shop, run, monkeypatch):
    shop.order(number="A1")
    monkeypatch.setattr(flow_runs, "start_prefect", _interrupt)

    output = run("copy", "A1")

    assert (output.code, output.out) == (130, "")
    assert output.err.startswith("Stopped. The order was copied completely or not at all")


def _raise_error(*_):
    raise RuntimeError("buyer@shop.example")


def _interrupt(*_):
    raise KeyboardInterrupt


def _make_environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
