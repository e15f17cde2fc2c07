"""`order-factory serve`: the HTTP API."""

from typing import Annotated

import typer

from order_factory.cli.options import AsJson, Debug, Verbose, get_terminal


def serve(
    context: typer.Context,
    host: Annotated[
        str, typer.Option("--host", metavar="HOST", help="Address to listen on. 0.0.0.0 means all.")
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option("--port", min=0, max=65_535, metavar="PORT", help="Port. 0 uses a free one."),
    ] = 8000,
    workers: Annotated[
        int,
        typer.Option(
            "--workers", min=1, max=64, metavar="N", help="Processes that answer requests."
        ),
    ] = 1,
    as_json: AsJson = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Serve the HTTP API, and copy the requested orders, until Ctrl-C.

    Clients need a token: see `order-factory token create`.
    """
    from order_factory.cli.environment import prepare_prefect
    from order_factory.cli.flow_runs import start_temporary_prefect
    from order_factory.models.database.schema import require_schema

    terminal = get_terminal(context)
    require_schema()
    # The dispatcher imports Prefect later, while the first requests are answered.
    prepare_prefect(verbose=verbose)
    from order_factory.api.server import serve

    terminal.on_interrupt = lambda: "Stopped. Requested copies that are not made yet stay pending."
    serve(
        host,
        port,
        lambda url: terminal.note(f"Listening on {url}"),
        workers=workers,
        start_prefect=start_temporary_prefect,
    )
