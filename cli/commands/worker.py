"""`order-factory worker`: run a worker that also ends the flow runs of dead machines."""

from typing import Annotated

import typer

from order_factory.cli.options import Debug


def worker(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="Name of the worker in the Prefect UI."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, metavar="N", help="Run at most N flow runs at a time."),
    ] = None,
    only_worker: Annotated[
        bool,
        typer.Option(
            "--only-worker", help="No other machine has a worker. End dead runs at the start."
        ),
    ] = False,
    with_healthcheck: Annotated[
        bool,
        typer.Option("--with-healthcheck", help="Answer GET /health on port 8080."),
    ] = False,
    debug: Debug = False,
) -> None:
    """Run the flow runs of the pool `order-factory`, until Ctrl-C.

    This is Prefect's process worker for the server of PREFECT_API_URL. At its start and every
    minute, it also ends the flow runs of dead processes. Otherwise they would hold their
    deployment's concurrency slot for ever.
    """
    import os
    import sys

    from order_factory.cli.environment import prepare_worker
    from order_factory.cli.flow_runs import require_server
    from order_factory.cli.options import get_terminal
    from order_factory.cli.system.dead_runs import keep_ending_dead_runs
    from order_factory.cli.system.parts import POOL
    from order_factory.models.errors import InvalidRequest

    if not os.environ.get("PREFECT_API_URL"):
        raise InvalidRequest("Set PREFECT_API_URL to the Prefect server of the worker.")
    prepare_worker()
    require_server(get_terminal(context))
    keep_ending_dead_runs(only_worker=only_worker)
    given = ["--name", name] if name else []
    given += ["--limit", str(limit)] if limit else []
    given += ["--with-healthcheck"] if with_healthcheck else []
    sys.argv = ["prefect", "worker", "start", "--pool", POOL, "--type", "process", *given]
    from prefect.cli import app

    app()
