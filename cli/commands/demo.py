"""`order-factory demo`: real orders, copied and checked."""

from typing import Annotated, Any

import typer

from order_factory.cli.failures import FAILED
from order_factory.cli.options import AsJson, Debug, Verbose, get_terminal


def demo(
    context: typer.Context,
    orders: Annotated[
        int,
        typer.Option(
            "--orders",
            envvar="DEMO_ORDERS",
            metavar="N",
            min=1,
            help="Copy N orders, oldest first. There are 155,848.",
        ),
    ] = 5_000,
    as_json: AsJson = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Import real orders, copy them, check every copy.

    The orders are the baskets of a grocery store. As usual with real data, some of them cannot be
    copied; the demo lists their errors. Running the demo again copies no order twice. The exit code
    is 1 only if a copy is wrong.
    """
    from order_factory.cli.commands.bulk import document as batch_document
    from order_factory.cli.database import display_url
    from order_factory.cli.demo.run import run_demo
    from order_factory.cli.views.demo import describe_demo, suggest_commands

    terminal = get_terminal(context)
    terminal.on_interrupt = lambda: "Stopped. Run the demo again to continue."
    result = run_demo(terminal, orders)
    document: dict[str, Any] = {
        "database": display_url(),
        "import": result.imported.model_dump(mode="json"),
        "order_copy": result.single.model_dump(mode="json") if result.single else None,
        "order_copy_made_by_this_run": result.made,
        "batch": batch_document(result.batch) if result.batch else None,
        "copied_by_other_batches_too": result.elsewhere,
        "verification": result.verification.model_dump(mode="json"),
        "next": suggest_commands(result),
    }
    terminal.show(document, *describe_demo(result))
    unfinished = result.batch is not None and result.batch.pending + result.batch.in_progress > 0
    if result.verification.violations or unfinished:
        raise typer.Exit(FAILED)
