"""`order-factory status`: show which parts of the system work."""

import typer

from order_factory.cli.failures import FAILED
from order_factory.cli.options import AsJson, Debug, get_terminal


def status(context: typer.Context, as_json: AsJson = False, debug: Debug = False) -> None:
    """Show the parts of this folder's system. The exit code is 0 if all of them work."""
    from order_factory.cli.system.health import find_problem
    from order_factory.cli.system.state import is_locked, read_record
    from order_factory.cli.views.system import build_status_document, show_status
    from order_factory.tasks.subscriptions.watchdog import find_overdue_now

    terminal = get_terminal(context)
    record = read_record()
    problems = {part.name: find_problem(part) for part in record.parts} if record else {}
    running = is_locked()
    overdue = find_overdue_now() if running and not any(problems.values()) else None
    terminal.show(
        build_status_document(record, problems, running, overdue),
        *show_status(record, problems, running, overdue),
    )
    if not running or not problems or any(problems.values()) or overdue is not None:
        raise typer.Exit(FAILED)
