"""Amounts in the messages that SQL writes: with the decimals of their currency."""

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    SQLColumnExpression,
    String,
    case,
    cast,
    func,
)

from order_factory.models.values.money import CURRENCY_CODES, get_exponent

_UNUSUAL = {
    decimals: sorted(code for code in CURRENCY_CODES if get_exponent(code) == decimals)
    for decimals in {get_exponent(code) for code in CURRENCY_CODES} - {2}
}


def describe_amount(
    cents: ColumnElement[int], currency_code: SQLColumnExpression[str]
) -> ColumnElement[str]:
    """The amount for a person, such as `12.50 EUR`, `-1500 JPY` or `5.124 KWD`."""
    unit = case(
        *((currency_code.in_(codes), 10**decimals) for decimals, codes in _UNUSUAL.items()),
        else_=100,
    )
    # PostgreSQL's sums are not integers.
    size = func.abs(cast(cents, BigInteger), type_=BigInteger)
    # The unit in front keeps the zeros: 5 cents are 105, and so 05.
    rest = "." + func.substr(cast(unit + size % unit, String), 2)
    return (
        case((cents < 0, "-"), else_="")
        + cast(size // unit, String)
        + case((unit > 1, rest), else_="")
        + " "
        + currency_code
    )
