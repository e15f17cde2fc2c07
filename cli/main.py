"""The entry point: `order-factory`, or `python -m order_factory.cli.main`."""

import gc
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout, suppress
from typing import Annotated, Any

import typer

from order_factory.cli.commands.adopt import adopt
from order_factory.cli.commands.batches import batch, batches
from order_factory.cli.commands.bulk import bulk
from order_factory.cli.commands.change_orders import cancel, capture, place, refund
from order_factory.cli.commands.copy import copy
from order_factory.cli.commands.demo import demo
from order_factory.cli.commands.deploy import deploy
from order_factory.cli.commands.diff import diff
from order_factory.cli.commands.down import down
from order_factory.cli.commands.exports import export_files
from order_factory.cli.commands.factories import factories
from order_factory.cli.commands.formats import formats
from order_factory.cli.commands.health import health
from order_factory.cli.commands.imports import import_files
from order_factory.cli.commands.init import init
from order_factory.cli.commands.mask import mask
from order_factory.cli.commands.orders import orders
from order_factory.cli.commands.serve import serve
from order_factory.cli.commands.show import show
from order_factory.cli.commands.status import status
from order_factory.cli.commands.subscriptions import subscriptions
from order_factory.cli.commands.token import token
from order_factory.cli.commands.up import up
from order_factory.cli.commands.verify import verify
from order_factory.cli.commands.webhooks import webhooks
from order_factory.cli.commands.worker import worker
from order_factory.cli.environment import load_env_file
from order_factory.cli.failures import BROKEN_PIPE, INTERRUPTED, REFUSED, explain
from order_factory.cli.joining import join_running_system
from order_factory.cli.terminal import OutputClosed, Terminal

app = typer.Typer(name="order-factory", pretty_exceptions_enable=False, rich_markup_mode="rich")

# In the order in which a new user needs them.
COMMANDS: dict[str, tuple[tuple[Callable[..., Any], str, str], ...]] = {
    "Copy": (
        (import_files, "import", "order-factory import exports/2026-01"),
        (copy, "copy", "order-factory copy 1001 --place-target-order"),
        (bulk, "bulk", "order-factory bulk january.csv --reference january"),
        (
            export_files,
            "export",
            "order-factory export orders january --include line_items --placed-from 2026-01-01",
        ),
        (demo, "demo", "order-factory demo --orders 500"),
    ),
    "Order": (
        (place, "place", "order-factory place 1001 1002"),
        (capture, "capture", "order-factory capture --placed-within '24 hours'"),
        (cancel, "cancel", "order-factory cancel 1001"),
        (refund, "refund", "order-factory refund 1001 --amount 5.00"),
    ),
    "Look": (
        (orders, "orders", "order-factory orders --status placed --page 2"),
        (factories, "factories", "order-factory factories --status failed"),
        (show, "show", "order-factory show 1001"),
        (diff, "diff", "order-factory diff vNnYhzxLKd"),
        (batches, "batches", "order-factory batches --limit 5"),
        (batch, "batch", "order-factory batch january"),
        (formats, "formats", "order-factory formats shopify"),
        (verify, "verify", "order-factory verify --json"),
    ),
    "Run": (
        (up, "up", "order-factory up --postgres"),
        (status, "status", "order-factory status --json"),
        (health, "health", "order-factory health --notify"),
        (down, "down", "order-factory down"),
        (serve, "serve", "order-factory serve --port 8080"),
        (worker, "worker", "order-factory worker --limit 4"),
    ),
    "Administer": (
        (init, "init", "order-factory init"),
        (adopt, "adopt", "order-factory adopt --as-test"),
        (mask, "mask", "order-factory mask"),
        (deploy, "deploy", "order-factory deploy"),
    ),
}
for panel, commands in COMMANDS.items():
    for function, name, example in commands:
        app.command(name, epilog=f"Example: {example}", rich_help_panel=panel)(function)
app.add_typer(subscriptions, rich_help_panel="Copy")
app.add_typer(token, rich_help_panel="Administer")
app.add_typer(webhooks, rich_help_panel="Administer")


def _print_version(given: bool) -> None:
    if given:
        from importlib.metadata import version

        typer.echo(f"order-factory {version('order-factory')}")
        raise typer.Exit


@app.callback(
    invoke_without_command=True,
    epilog="Exit codes: 0 success, 1 some orders failed or an invariant is broken, 2 the command "
    "could not run, 130 stopped with Ctrl-C.",
)
def order_factory(
    context: typer.Context,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Copy shop orders: one with copy, thousands with bulk.

    Set ORDER_FACTORY_DATABASE_URL to the database of the shop, in the environment or in a .env
    file. The default is the SQLite file var/order_factory.db.
    """
    if context.invoked_subcommand is None:
        with redirect_stdout(sys.stderr):  # typer writes the help itself
            context.get_help()
        raise typer.Exit(REFUSED)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. An error is a message, never a stack trace.

    With `--debug`, an unexpected exception is raised to show its stack trace.
    """
    # Imports create many objects that stay. With Python's threshold of 700, garbage collection would
    # search them for a tenth of the time until a command starts.
    gc.set_threshold(50_000, 20, 20)
    load_env_file()
    join_running_system()
    given = list(sys.argv[1:] if arguments is None else arguments)
    terminal = Terminal()
    if not given or "--help" in given:
        from order_factory.cli.help_tables import show_options_in_full

        show_options_in_full()
    try:
        code = app(given, prog_name="order-factory", standalone_mode=False, obj=terminal) or 0
        if code == INTERRUPTED:
            terminal.stopped()
    except OutputClosed:
        # Otherwise Python would report another error when it flushes the output.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.dup2(nowhere, sys.stderr.fileno())
        return BROKEN_PIPE
    except typer.TyperException as error:
        return _refuse(terminal, given, error)
    except Exception as error:
        tag, message, code = explain(error)
        terminal.fail(tag, message)
        if terminal.debug and tag == "unexpected_error":
            raise
    finally:
        _warn_if_cut_off(terminal)
        _close_database()
    return int(code)


def _warn_if_cut_off(terminal: Terminal) -> None:
    """Print a warning when the command's database is cut off from gateways and webhooks."""
    engine = sys.modules.get("order_factory.models.database.engine")
    if engine is None or not engine.has_connected():
        return  # the command used no database
    from order_factory.models.database.engine import reading
    from order_factory.models.database.identity import explain_cut_off

    # The command has reported problems of the database already.
    with suppress(Exception), reading() as db:
        reason = explain_cut_off(db)
        if reason is not None:
            terminal.note(f"{reason}.")


def _close_database() -> None:
    # Do not import it here: the import takes most of a second, and `--help` needs no database.
    engine = sys.modules.get("order_factory.models.database.engine")
    if engine is not None:
        engine.close_connections()


def _refuse(terminal: Terminal, given: list[str], error: typer.TyperException) -> int:
    """Report an error in the command line."""
    terminal.as_json |= "--json" in given
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "order-factory"
    terminal.fail("usage", f"{error.format_message().rstrip('.')}. See `{command} --help`.")
    return REFUSED


if __name__ == "__main__":
    sys.exit(main())
