"""`order-factory token`: create, list and revoke tokens for the HTTP API."""

from datetime import timedelta
from typing import Annotated

import typer

from order_factory.cli.options import AsJson, Debug, get_terminal

token = typer.Typer(name="token", help="Create, list and revoke tokens for the HTTP API.")


@token.command("create", epilog="Example: order-factory token create --mode test --scope read")
def create(
    context: typer.Context,
    mode: Annotated[
        str, typer.Option("--mode", metavar="MODE", help="Give access to test or live orders.")
    ] = "test",
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", metavar="SCOPE", help="read or write. write includes read."),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="TEXT", help="Purpose of the token.")
    ] = None,
    expires_in_days: Annotated[
        int | None,
        typer.Option(
            "--expires-in-days",
            min=0,
            max=36_500,
            metavar="N",
            help="Expire after N days. Default: never.",
        ),
    ] = None,
    rate_limit: Annotated[
        list[str] | None,
        typer.Option(
            "--rate-limit",
            metavar="REQUESTS/SECONDS",
            help="Limit, such as 50/10. Repeat for more. Default: the limits of the service.",
        ),
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Create a token. It is shown only once: the database stores its digest."""
    from order_factory.api.tokens import create_token
    from order_factory.cli.tables import facts
    from order_factory.models.database.engine import begin
    from order_factory.models.database.schema import require_schema
    from order_factory.models.tables.base import utc_now
    from order_factory.models.values.statuses import Mode

    require_schema()
    chosen = Mode(_require_one_of("--mode", mode, list(Mode)))
    scopes = _parse_scopes(scope)
    limits = _parse_limits(rate_limit)
    expires_at = None
    if expires_in_days is not None:
        expires_at = utc_now() + timedelta(days=expires_in_days)
    with begin() as db:
        new_token = create_token(
            db, mode=chosen, scopes=scopes, name=name, expires_at=expires_at, rate_limits=limits
        )
    document = {
        "token": new_token.token,
        "handle": new_token.handle,
        "mode": chosen.value,
        "scopes": scopes,
        "name": name,
        "expires_at": expires_at,
        "rate_limits": limits,
    }
    shown: list[tuple[str, object]] = [
        ("Token", new_token.token),
        ("Handle", new_token.handle),
        ("Mode", chosen.value),
        ("Scopes", " ".join(scopes)),
        ("Expires", expires_at),
    ]
    get_terminal(context).show(document, facts(shown))


@token.command("list", epilog="Example: order-factory token list")
def list_all(context: typer.Context, as_json: AsJson = False, debug: Debug = False) -> None:
    """List the tokens by their handles, newest first."""
    from order_factory.api.tokens import list_tokens
    from order_factory.cli.tables import table
    from order_factory.models.database.engine import reading
    from order_factory.models.database.schema import require_schema

    require_schema()
    with reading() as db:
        tokens = [dict(row._mapping) for row in list_tokens(db)]
    names = ("handle", "name", "mode", "scopes", "created_at", "expires_at", "revoked_at")
    rows = [[row[name] for name in names] for row in tokens]
    document = {"tokens": [{name: row[name] for name in (*names, "rate_limits")} for row in tokens]}
    get_terminal(context).show(document, table(names, rows))


@token.command("revoke", epilog="Example: order-factory token revoke 1f0c2ab94d77")
def revoke(
    context: typer.Context,
    handle: Annotated[
        str, typer.Argument(metavar="HANDLE", help="The token's handle, or the whole token.")
    ],
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Revoke a token. The next request with it is refused."""
    from rich.text import Text

    from order_factory.api.tokens import extract_handle, revoke_token
    from order_factory.models.database.engine import begin
    from order_factory.models.database.schema import require_schema

    require_schema()
    known = extract_handle(handle)
    with begin() as db:
        revoke_token(db, known)
    get_terminal(context).show({"revoked": known}, Text(f"Token {known} is revoked."))


def _parse_scopes(given: list[str] | None) -> list[str]:
    if not given:
        return ["read", "write"]
    parts = [part for each in given for part in each.replace(",", " ").split()]
    return sorted({_require_one_of("--scope", part, ["read", "write"]) for part in parts})


def _parse_limits(given: list[str] | None) -> str | None:
    from order_factory.api.rate_limits import parse_limits
    from order_factory.models.errors import InvalidRequest

    text = " ".join(given) if given else None
    try:
        parse_limits(text or "")
    except ValueError as error:
        raise InvalidRequest(f"--rate-limit: {error}.") from error
    return text


def _require_one_of(option: str, value: str, values: list[str]) -> str:
    from order_factory.models.errors import InvalidRequest

    if value not in values:
        raise InvalidRequest(f"{option} must be {' or '.join(values)}, not {value!r}.")
    return value
