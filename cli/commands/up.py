"""`order-factory up`: run the whole system on this machine."""

from typing import Annotated

import typer

from order_factory.cli.options import AsJson, Debug, get_terminal


def up(
    context: typer.Context,
    port: Annotated[
        int,
        typer.Option("--port", min=1, max=65_535, metavar="PORT", help="Port of the HTTP API."),
    ] = 8000,
    prefect_port: Annotated[
        int,
        typer.Option(
            "--prefect-port",
            min=1,
            max=65_535,
            metavar="PORT",
            help="Port of Prefect's server and its UI.",
        ),
    ] = 4200,
    postgres: Annotated[
        bool,
        typer.Option(
            "--postgres",
            help="Use PostgreSQL at the URLs that are set, or an embedded server.",
        ),
    ] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Run Prefect's server and UI, a worker and the HTTP API, until Ctrl-C or `down`.

    The command applies the deployments of prefect.yaml and the automations. The system listens on
    this machine only (127.0.0.1), and keeps its data under ./var. A part that dies is restarted, at
    most three times within two minutes. After that the system ends, with exit code 2.
    """
    from order_factory.cli.system.supervisor import run_system
    from order_factory.cli.system.surroundings import Ports
    from order_factory.cli.views.system import build_start_document, show_start

    terminal = get_terminal(context)
    ports = Ports(api=port, prefect=prefect_port)
    run_system(
        terminal,
        ports,
        postgres=postgres,
        ready=lambda record: terminal.show(
            build_start_document(record, ports), *show_start(record, ports)
        ),
    )
