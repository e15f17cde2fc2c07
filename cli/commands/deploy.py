"""`order-factory deploy`: deployments and automations on a Prefect server."""

import typer

from order_factory.cli.options import AsJson, Debug, Verbose, get_terminal


def deploy(
    context: typer.Context, as_json: AsJson = False, verbose: Verbose = False, debug: Debug = False
) -> None:
    """Apply the work pool, the deployments of prefect.yaml and the automations.

    They are applied on the Prefect server of PREFECT_API_URL. Run the command again to update them.
    Schedules and automations that you switched on or off stay so.
    """
    import os

    from order_factory.cli.flow_runs import start_prefect
    from order_factory.cli.system.deploying import deploy
    from order_factory.cli.tables import facts
    from order_factory.models.errors import InvalidRequest

    terminal = get_terminal(context)
    if not os.environ.get("PREFECT_API_URL"):
        raise InvalidRequest("Set PREFECT_API_URL to the Prefect server to deploy to.")
    start_prefect(terminal)
    with terminal.working("Applying the deployments of prefect.yaml ..."):
        deployment = deploy()
    terminal.show(
        deployment.model_dump(),
        facts(
            [
                ("Work pool", deployment.work_pool),
                ("Deployments", "\n".join(deployment.deployments)),
                ("Automations", "\n".join(deployment.automations)),
                ("Left out", "\n".join(deployment.left_out) or "none"),
            ]
        ),
    )
