"""Which checks the current copies need. Most batches need only a few."""

from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, case, func, or_, select

from order_factory.models.tables import Order
from order_factory.tasks.copying.addresses import IS_LOCKED, LACKS_ADDRESS
from order_factory.tasks.copying.customers import HAS_WRONG_CUSTOMER
from order_factory.tasks.copying.source_checks import IS_WRONG_SOURCE
from order_factory.tasks.copying.wallets import IS_NOT_IN_WALLET
from order_factory.tasks.gift_cards.redemptions import WAS_REDEEMED
from order_factory.tasks.stock.availability import TAKES_STOCK
from order_factory.tasks.working_set.statements import table_of
from order_factory.tasks.working_set.tables import copies, line_sums


class Needs(NamedTuple):
    """For each check, whether some current copy needs it. Other copies cannot have its errors.

    `lines`: some order has no line, a line with a quantity below 1, or a line in another currency.
    """

    sources: bool
    orders: bool
    changes: bool
    merges: bool
    stock: bool
    gift_cards: bool
    coupons: bool
    promotions: bool
    prices: bool
    once_lines: bool
    line_rules: bool
    customers: bool
    missing_addresses: bool
    locked_addresses: bool
    lines: bool
    foreign_wallets: bool


_CONDITIONS: dict[str, ColumnElement[bool]] = {
    "sources": IS_WRONG_SOURCE,
    "orders": copies.c.order_changed,
    "changes": copies.c.lines_changed,
    "merges": copies.c.merges,
    "stock": TAKES_STOCK,
    "gift_cards": WAS_REDEEMED,
    "coupons": copies.c.coupon_code != "",
    "promotions": copies.c.apply_promotions,
    "prices": or_(copies.c.refresh_prices, line_sums.c.recomputed_lines > 0),
    "once_lines": line_sums.c.once_lines > 0,
    "line_rules": line_sums.c.once_lines + line_sums.c.recomputed_lines > 0,
    "customers": HAS_WRONG_CUSTOMER,
    "missing_addresses": LACKS_ADDRESS,
    "locked_addresses": IS_LOCKED,
    "lines": or_(
        line_sums.c.factory_id.is_(None),
        line_sums.c.quantities_below_one > 0,
        line_sums.c.other_currency_lines > 0,
    ),
    "foreign_wallets": IS_NOT_IN_WALLET,
}
_source = table_of(Order)
_NEEDS = select(
    *(func.count(case((condition, 1))) > 0 for condition in _CONDITIONS.values())
).select_from(
    copies.join(_source, _source.c.id == copies.c.source_order_id).outerjoin(
        line_sums, line_sums.c.factory_id == copies.c.factory_id
    )
)


def find_needs(db: Connection) -> Needs:
    """Return what the current copies need, with one statement.

    Call it before lines are left out.
    """
    row = db.execute(_NEEDS).one()
    return Needs(**dict(zip(_CONDITIONS, map(bool, row), strict=True)))
