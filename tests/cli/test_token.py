"""`order-factory token`: made once, listed without its secret, revoked by its handle."""

from datetime import timedelta

import pytest

from order_factory.api.tokens import find_token
from order_factory.models.database.engine import begin
from order_factory.models.tables import ApiToken
from order_factory.models.tables.base import utc_now


def find_caller(token):
    with begin() as db:
        return find_token(db, token)


def test_a_token_is_made_for_a_mode_and_scopes(run, shop):
    output = run(
        "token", "create", "--mode", "live", "--scope", "read", "--name", "dashboard",
        "--expires-in-days", "90", "--rate-limit", "50/10", "--rate-limit", "600/300", "--json",
    )  # fmt: skip

    assert (output.code, output.err) == (0, "")
    row = find_caller(output.json["token"])
    assert (row["mode"], row["scopes"], row["name"]) == ("live", "read", "dashboard")
    assert row["rate_limits"] == "50/10 600/300"
    assert abs(row["expires_at"] - utc_now() - timedelta(days=90)) < timedelta(minutes=1)


def test_a_token_is_for_test_mode_and_both_scopes_by_default(run, shop):
    output = run("token", "create")

    assert output.code == 0
    row = shop.row(ApiToken)
    assert (row.mode, row.scopes, row.expires_at) == ("test", "read write", None)
    token = next(line.split()[1] for line in output.out.splitlines() if line.startswith("Token"))
    assert find_caller(token)["id"] == row.id


def test_tokens_are_listed_without_their_secrets(run, shop):
    tokens = [run("token", "create", "--json").json for _ in range(2)]

    output, as_json = run("token", "list"), run("token", "list", "--json")

    handles = [each["handle"] for each in reversed(tokens)]
    assert [each["handle"] for each in as_json.json["tokens"]] == handles
    for each in tokens:
        assert each["handle"] in output.out
        assert each["token"] not in output.out + as_json.out
    assert shop.rows(ApiToken)[0].secret_digest not in as_json.out


@pytest.mark.parametrize("known_as", ["handle", "token"])
def test_a_revoked_token_is_refused(run, shop, known_as):
    made = run("token", "create", "--json").json

    output = run("token", "revoke", made[known_as])

    assert (output.code, output.out) == (0, f"Token {made['handle']} is revoked.\n")
    assert find_caller(made["token"]) is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("create", "--mode", "prod"), "--mode must be test or live, not 'prod'."),
        (("create", "--scope", "admin"), "--scope must be read or write, not 'admin'."),
        (("create", "--rate-limit", "many"), "--rate-limit: rate limits are written"),
        (("revoke", "nothing"), "No API token has the handle 'nothing'"),
    ],
)
def test_impossible_values_are_refused(run, shop, arguments, message):
    output = run("token", *arguments)

    assert output.code == 2
    assert message in output.err
    assert shop.rows(ApiToken) == []
