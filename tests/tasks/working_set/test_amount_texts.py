"""Amounts in messages: the same text from the database as from Python, in every currency."""

from sqlalchemy import BigInteger, literal, select

from order_factory.models.database.engine import begin
from order_factory.models.values.money import CURRENCY_CODES, format_money
from order_factory.tasks.working_set.amount_texts import describe_amount

AMOUNTS = (0, 5, 100, -5, -1_500, 9_007_199_254_740_993)


def test_an_amount_is_shown_with_the_decimals_of_its_currency():
    shown = {}
    with begin() as db:
        for code in CURRENCY_CODES:
            texts = [
                describe_amount(literal(cents, BigInteger), literal(code)) for cents in AMOUNTS
            ]
            shown[code] = list(db.execute(select(*texts)).one())

    assert shown == {
        code: [format_money(cents, code).replace(",", "") for cents in AMOUNTS]
        for code in CURRENCY_CODES
    }
    assert {shown[code][1] for code in ("EUR", "JPY", "KWD", "CLF")} == {
        "0.05 EUR",
        "5 JPY",
        "0.005 KWD",
        "0.0005 CLF",
    }
