"""`order-factory down`: end the system that `up` started."""

import time

import typer

from order_factory.cli.failures import FAILED
from order_factory.cli.options import AsJson, Debug, get_terminal


def down(context: typer.Context, as_json: AsJson = False, debug: Debug = False) -> None:
    """End the system of this folder, and the leftover processes of a killed one."""
    from rich.text import Text

    from order_factory.cli.system.leftovers import SECONDS_TO_END, end_leftovers
    from order_factory.cli.system.state import is_locked, read_record

    terminal = get_terminal(context)
    record = read_record()
    supervisor = record.supervisor.find() if record and is_locked() else None
    if supervisor is None:
        ended = end_leftovers()
        message = f"Ended leftover parts: {', '.join(ended)}." if ended else "Nothing is running."
        terminal.show({"ended": ended}, Text(message))
        return
    assert record is not None
    ended = [part.name for part in record.parts]
    with terminal.working("Ending the system ..."):
        supervisor.terminate()
        # A little longer than the system waits for its own parts.
        deadline = time.monotonic() + SECONDS_TO_END + 20
        while is_locked() and time.monotonic() < deadline:
            time.sleep(0.2)
    if is_locked():
        terminal.fail(
            "not_ended", f"Process {supervisor.pid} does not end. Kill it, then run this again."
        )
        raise typer.Exit(FAILED)
    terminal.show({"ended": ended}, Text(f"Ended: {', '.join(ended)}."))
