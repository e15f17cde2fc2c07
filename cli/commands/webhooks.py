"""`order-factory webhooks`: create, list, test, reset and rotate webhooks, and show their log."""

from typing import Annotated, Literal

import typer

from order_factory.cli.failures import FAILED
from order_factory.cli.options import AsJson, Debug, get_terminal

webhooks = typer.Typer(name="webhooks", help="Notify other systems of what happens.")
Name = Annotated[str, typer.Argument(metavar="WEBHOOK", help="Id of the webhook.")]


@webhooks.command(
    "create",
    epilog="Example: order-factory webhooks create order_copies.complete "
    "https://shop.example/webhooks --include target_order",
)
def create(
    context: typer.Context,
    topic: Annotated[
        str, typer.Argument(metavar="TOPIC", help="RESOURCE.EVENT, such as orders.place.")
    ],
    callback_url: Annotated[
        str, typer.Argument(metavar="URL", help="Where to send the events, by POST.")
    ],
    include: Annotated[
        list[str] | None,
        typer.Option(
            "--include",
            metavar="RELATIONSHIP",
            help="Include these related rows in the payload. Repeatable.",
        ),
    ] = None,
    mode: Annotated[
        Literal["test", "live"], typer.Option("--mode", help="Send events of this mode.")
    ] = "live",
    name: Annotated[
        str | None, typer.Option("--name", metavar="TEXT", help="Purpose of the webhook.")
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Create a webhook for the events from now on. Its secret is shown only once."""
    from order_factory.api.webhook_subscriptions import create_webhook
    from order_factory.models.database.engine import begin
    from order_factory.models.database.schema import require_schema
    from order_factory.models.values.statuses import Mode

    require_schema()
    with begin() as db:
        secret = create_webhook(
            db, topic, callback_url, mode=Mode(mode), include_resources=include or (), name=name
        )
    _show_secret(context, secret.id, secret.shared_secret)


@webhooks.command("list", epilog="Example: order-factory webhooks list")
def list_all(context: typer.Context, as_json: AsJson = False, debug: Debug = False) -> None:
    """List the webhooks, newest first, with the state of their circuits."""
    from order_factory.api.webhook_subscriptions import list_webhooks
    from order_factory.cli.tables import table
    from order_factory.models.database.engine import reading
    from order_factory.models.database.schema import require_schema

    require_schema()
    with reading() as db:
        webhook_rows = list_webhooks(db)
    names = ("id", "topic", "callback_url", "mode", "circuit_state", "disabled_at", "pending")
    rows = [[row[name] for name in names] for row in webhook_rows]
    heads = ("id", "topic", "url", "mode", "circuit", "disabled", "#pending")
    get_terminal(context).show({"webhooks": webhook_rows}, table(heads, rows))


@webhooks.command("test", epilog="Example: order-factory webhooks test xQmVqBRdWz")
def send_example(
    context: typer.Context, name: Name, as_json: AsJson = False, debug: Debug = False
) -> None:
    """Send an example to a webhook now, and show its answer. Fails unless that is 2xx."""
    from order_factory.api.webhook_subscriptions import send_test
    from order_factory.cli.tables import facts
    from order_factory.models.database.schema import require_schema

    require_schema()
    answer = send_test(name)
    document = {"code": answer.code, "message": answer.message, "succeeded": answer.succeeded}
    shown = [("Status", "none" if answer.code is None else str(answer.code))]
    get_terminal(context).show(document, facts([*shown, ("Answer", answer.message)]))
    if not answer.succeeded:
        raise typer.Exit(FAILED)


@webhooks.command("reset", epilog="Example: order-factory webhooks reset xQmVqBRdWz")
def reset(
    context: typer.Context, name: Name, as_json: AsJson = False, debug: Debug = False
) -> None:
    """Close the circuit of a webhook. Its pending deliveries are sent now."""
    from order_factory.api.webhook_subscriptions import reset_circuit
    from order_factory.cli.tables import facts
    from order_factory.models.database.engine import begin
    from order_factory.models.database.schema import require_schema

    require_schema()
    with begin() as db:
        reset_circuit(db, name)
    shown = [("Webhook", name), ("Circuit", "closed")]
    get_terminal(context).show({"webhook": name, "circuit_state": "closed"}, facts(shown))


@webhooks.command("rotate", epilog="Example: order-factory webhooks rotate xQmVqBRdWz")
def rotate(
    context: typer.Context, name: Name, as_json: AsJson = False, debug: Debug = False
) -> None:
    """Make a new secret, shown only once. The old secret remains valid for a day."""
    from order_factory.api.webhook_subscriptions import rotate_secret
    from order_factory.models.database.engine import begin
    from order_factory.models.database.schema import require_schema

    require_schema()
    with begin() as db:
        secret = rotate_secret(db, name)
    _show_secret(context, secret.id, secret.shared_secret)


@webhooks.command("delete", epilog="Example: order-factory webhooks delete xQmVqBRdWz")
def delete(
    context: typer.Context, name: Name, as_json: AsJson = False, debug: Debug = False
) -> None:
    """Delete a webhook and its log. Pending deliveries are not sent."""
    from order_factory.api.webhook_subscriptions import delete_webhook
    from order_factory.cli.tables import facts
    from order_factory.models.database.engine import begin
    from order_factory.models.database.schema import require_schema

    require_schema()
    with begin() as db:
        delete_webhook(db, name)
    get_terminal(context).show({"deleted": name}, facts([("Deleted", name)]))


@webhooks.command("log", epilog="Example: order-factory webhooks log xQmVqBRdWz --limit 50")
def log(
    context: typer.Context,
    name: Name,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=1000, metavar="N", help="Show the newest N.")
    ] = 20,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show the latest deliveries to a webhook, with the answers."""
    from order_factory.api.webhook_subscriptions import require_webhook
    from order_factory.cli.tables import table
    from order_factory.models.database.engine import reading
    from order_factory.models.database.schema import require_schema
    from order_factory.models.values.public_ids import Resource, public_id
    from order_factory.tasks.webhooks.log import list_deliveries

    require_schema()
    with reading() as db:
        delivery_rows = list_deliveries(db, require_webhook(db, name).id, limit)
    names = (
        "status",
        "tries",
        "response_code",
        "response_message",
        "created_at",
        "sent_at",
        "next_try_at",
    )
    deliveries = [
        {"event": public_id(Resource.events, row.event_id)}
        | {each: row._mapping[each] for each in names}
        for row in delivery_rows
    ]
    heads = ("event", "status", "#tries", "code", "answer", "sent", "next try")
    shown = ("event", "status", "tries", "response_code", "response_message", "sent_at")
    rows = [[*(row[each] for each in shown), row["next_try_at"]] for row in deliveries]
    get_terminal(context).show({"deliveries": deliveries}, table(heads, rows))


def _show_secret(context: typer.Context, name: str, secret: str) -> None:
    from order_factory.cli.tables import facts

    document = {"id": name, "shared_secret": secret}
    get_terminal(context).show(document, facts([("Webhook", name), ("Secret", secret)]))
