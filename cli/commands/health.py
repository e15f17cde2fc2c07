"""`order-factory health`: check the database and the renewals, for cron and monitoring."""

from typing import Annotated

import typer

from order_factory.cli.failures import FAILED
from order_factory.cli.options import AsJson, Debug, get_terminal


def health(
    context: typer.Context,
    send: Annotated[
        bool,
        typer.Option("--notify", help="Post problems to ORDER_FACTORY_NOTIFY_URL."),
    ] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Check that the database answers and no renewal is overdue. The exit code is 1 if not.

    A database that is a copy of a shop's is a problem, too, until `order-factory adopt` is run.
    The command uses only the database, so it also works when Prefect does not.
    """
    from rich.text import Text

    from order_factory.models.database.schema import require_schema
    from order_factory.models.errors import DatabaseNotReady
    from order_factory.tasks.subscriptions.watchdog import (
        describe_overdue,
        find_overdue_now,
        is_cut_off,
        notify,
    )

    problems = []
    overdue = None
    try:
        require_schema()
        overdue = find_overdue_now()
        if is_cut_off():
            problems.append(
                "The database is a copy of a shop's, or was moved. Payments, webhooks and notices "
                "wait until `order-factory adopt` is run."
            )
    except DatabaseNotReady as error:
        problems.append(str(error))
    if overdue is not None:
        problems.append(describe_overdue(overdue))
    document = {
        "healthy": not problems,
        "problems": problems,
        "overdue_renewals": overdue.count if overdue else 0,
        "overdue_since": overdue.since if overdue else None,
        "notified": bool(problems) and send and notify("\n".join(problems)),
    }
    get_terminal(context).show(document, Text("\n".join(problems) or "All is well."))
    if problems:
        raise typer.Exit(FAILED)
