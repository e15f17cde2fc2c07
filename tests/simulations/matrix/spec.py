"""The orders of the matrix as plain descriptions, from which the shop and the oracle are made.

Each order has its own base, with one or two faults. To add a kind of fault, add a function to
`FAULTS`, the row that it needs to `filling.py`, and the expected outcome to `oracle.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from random import Random

NOW = datetime.now(UTC)
PAST, FUTURE = NOW - timedelta(days=30), NOW + timedelta(days=30)
EXPIRED_ON = PAST.strftime("%Y-%m-%d")


@dataclass(frozen=True)
class Sku:
    """`prices` are today's, in cents by currency."""

    code: str
    stock: int = 100_000
    prices: tuple[tuple[str, int], ...] = ()
    purchasable: bool = True
    do_not_ship: bool = False
    do_not_track: bool = False


@dataclass(frozen=True)
class Promotion:
    name: str
    type: str = "percentage_discount_promotions"
    percentage: int | None = None
    fixed_amount_cents: int | None = None
    currency_code: str | None = None
    order_amount_cents: int | None = None
    sku_list: tuple[str, ...] | None = None
    exclusive: bool = False
    priority: int | None = None
    coupon_required: bool = False
    starts_at: datetime = PAST
    expires_at: datetime = FUTURE
    disabled_at: datetime | None = None
    total_usage_limit: int | None = None


@dataclass(frozen=True)
class Coupon:
    code: str
    promotion: str
    usage_limit: int | None = None
    usage_count: int = 0
    customer_single_use: bool = False
    recipient_email: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Line:
    """Amounts in cents; `options` are the totals of the line's options."""

    item_type: str = "skus"
    sku_code: str | None = None
    quantity: int = 1
    unit: int | None = None
    total: int = 0
    tax: int | None = None
    rate: float | None = None
    discount: int | None = None
    coupon: str | None = None
    currency: str | None = None
    options: tuple[int, ...] = ()


@dataclass(frozen=True)
class Source:
    """An order to copy. `customer` names one of `CUSTOMERS`, or is None for nobody."""

    number: str
    lines: tuple[Line, ...]
    customer: str | None = "valid"
    billing: bool = True
    shipping: str | None = "here"  # or "abroad", outside the lock of the order
    coupon: str | None = None
    card: str | None = "saved"  # or "expired", "foreign", "unsaved"
    currency: str = "EUR"
    tax_included: bool = True
    tax_rate: float | None = None


SKUS = (
    Sku("MUG", prices=(("EUR", 13_37), ("USD", 15_00))),
    Sku("CAP", prices=(("EUR", 8_99), ("USD", 9_99))),
    Sku("PEN", prices=(("EUR", 33), ("USD", 35))),
    Sku("INK"),
    Sku("RARE", stock=25, prices=(("EUR", 2_00), ("USD", 2_50))),
    Sku("OLD", purchasable=False, prices=(("EUR", 1_00), ("USD", 1_00))),
    Sku("EBOOK", prices=(("EUR", 5_00), ("USD", 5_00)), do_not_ship=True, do_not_track=True),
)
# Every customer by the name that stands before the @ of the email, with the status.
CUSTOMERS = {
    "valid": "acquired",
    "blocked": "blocked",
    "deleted": "deleted",
    "frugal": "repeat",
    "other": "acquired",
}
PROMOTIONS = (
    Promotion("ten percent", percentage=10, priority=2),
    Promotion("five on mugs", percentage=5, priority=1, sku_list=("MUG", "PEN")),
    Promotion(
        "five off",
        "fixed_amount_promotions",
        fixed_amount_cents=5_00,
        currency_code="EUR",
        order_amount_cents=20_00,
        total_usage_limit=40,
    ),
    Promotion(
        "free shipping",
        "free_shipping_promotions",
        currency_code="EUR",
        order_amount_cents=30_00,
    ),
    Promotion("over", percentage=90, expires_at=PAST, priority=0),
    Promotion("to come", percentage=90, starts_at=FUTURE, priority=0),
    Promotion("off", percentage=90, disabled_at=PAST, priority=0),
    Promotion("in dollars", percentage=7, currency_code="USD"),
    Promotion("by coupon", percentage=15, coupon_required=True),
    Promotion("only this", percentage=20, coupon_required=True, exclusive=True),
    Promotion("coupon over", percentage=15, coupon_required=True, expires_at=PAST),
    Promotion("coupon to come", percentage=15, coupon_required=True, starts_at=FUTURE),
    Promotion("coupon off", percentage=15, coupon_required=True, disabled_at=PAST),
    Promotion("dollar coupon", percentage=15, coupon_required=True, currency_code="USD"),
    Promotion("shared", percentage=3, coupon_required=True, total_usage_limit=12),
    Promotion(
        "dear",
        percentage=15,
        coupon_required=True,
        currency_code="EUR",
        order_amount_cents=1_000_00,
    ),
    Promotion("listed", percentage=15, coupon_required=True, sku_list=("RARE",)),
)
COUPONS = (
    Coupon("GOOD", "by coupon"),
    Coupon("EXCLUSIVE", "only this"),
    Coupon("OVER", "coupon over"),
    Coupon("ENDED", "by coupon", expires_at=PAST),
    Coupon("TOCOME", "coupon to come"),
    Coupon("OFF", "coupon off"),
    Coupon("DOLLARS", "dollar coupon"),
    Coupon("OTHERS", "by coupon", recipient_email="other@shop.example"),
    Coupon("MINE", "by coupon", recipient_email="SOUND@shop.example"),
    Coupon("USED", "by coupon", usage_limit=2, usage_count=2),
    Coupon("FEW", "by coupon", usage_limit=9),
    Coupon("SHARED1", "shared"),
    Coupon("SHARED2", "shared", usage_limit=8),
    Coupon("ONCE", "by coupon", customer_single_use=True),
    Coupon("DEAR", "dear"),
    Coupon("LISTED", "listed"),
)


def _line(source: Source, line: Line) -> Source:
    return replace(source, lines=(*source.lines, line))


def _add_coupon(code: str) -> Callable[[Source], Source]:
    """The order bears the coupon, and a discount of it."""

    def fault(source: Source) -> Source:
        discount = Line("percentage_discount_promotions", unit=-77, total=-77, coupon=code)
        return replace(_line(source, discount), coupon=code)

    return fault


def _add_line(**values: object) -> Callable[[Source], Source]:
    return lambda source: _line(source, Line(**values))  # type: ignore[arg-type]


def _only(source: Source, code: str) -> Source:
    """The order without its other lines; its coupon stays."""
    return replace(source, lines=(Line(sku_code=code, quantity=3, unit=1_50, total=4_50),))


FAULTS: dict[str, Callable[[Source], Source]] = {
    "blocked": lambda source: replace(source, customer="blocked"),
    "deleted": lambda source: replace(source, customer="deleted"),
    "nobody": lambda source: replace(source, customer=None),
    "no billing address": lambda source: replace(source, billing=False),
    "no shipping address": lambda source: replace(source, shipping=None),
    "abroad": lambda source: replace(source, shipping="abroad"),
    "quantity": _add_line(sku_code="CAP", quantity=0, unit=9_00),
    "gone": _add_line(sku_code="GONE", unit=1_00, total=1_00),
    "not for sale": _add_line(sku_code="OLD", unit=1_00, total=1_00),
    "short": _add_line(sku_code="RARE", quantity=3, unit=1_50, total=4_50, tax=10),
    "no price": _add_line(sku_code="INK", quantity=2, unit=2_00, total=4_00, tax=72),
    "other currency": _add_line(sku_code="CAP", unit=3_00, total=3_00, currency="JPY"),
    "tax rate of 22": _add_line(sku_code="PEN", unit=3_00, total=3_00, tax=66, rate=22.0),
    "no line": lambda source: replace(source, lines=()),
    "expired card": lambda source: replace(source, card="expired"),
    "foreign card": lambda source: replace(source, card="foreign"),
    "unknown coupon": _add_coupon("NOBODYKNOWS"),
    "coupon over": _add_coupon("OVER"),
    "coupon of few": _add_coupon("FEW"),
    "coupon of a shared promotion": _add_coupon("SHARED1"),
    "coupon of both": _add_coupon("SHARED2"),
    "coupon for one use": lambda source: replace(_add_coupon("ONCE")(source), customer="frugal"),
    "coupon for more": _add_coupon("DEAR"),
    "only what is gone": lambda source: _only(source, "GONE"),
    "only what is short": lambda source: _only(source, "RARE"),
}
# Coupons that are right, or wrong in a way that no other fault changes: alone.
_ALONE = (
    "GOOD",
    "EXCLUSIVE",
    "ENDED",
    "TOCOME",
    "OFF",
    "DOLLARS",
    "OTHERS",
    "MINE",
    "USED",
    "LISTED",
)


def _base(number: int) -> Source:
    """An order without a fault, unlike any other: of goods, and often of shipping and discounts."""
    chance = Random(number)
    lines = []
    for code in chance.sample(["MUG", "CAP", "PEN", "EBOOK"], k=chance.randint(1, 4)):
        quantity, unit = chance.randint(1, 7), chance.randint(1, 40_00)
        options = (chance.randint(1, 99),) if chance.random() < 0.2 else ()
        rate = chance.choice([None, 0.22, 0.1, 0.055, 1 / 3])
        lines.append(
            Line(
                sku_code=code,
                quantity=quantity,
                unit=chance.choice([unit, unit, None]),
                total=quantity * unit + sum(options),
                tax=chance.choice([None, 5, quantity * unit // 6]),
                rate=rate,
                discount=chance.choice([None, None, -3]),
                options=options,
            )
        )
    if chance.random() < 0.6:
        lines.append(Line("shipments", unit=7_00, total=7_00, tax=1_26, rate=0.22))
    if chance.random() < 0.3:
        lines.append(Line("bundles", unit=11_11, total=11_11, tax=2_00))
    if chance.random() < 0.3:
        lines.append(Line("gift_cards", unit=-2_00, total=-2_00))
    if chance.random() < 0.3:
        lines.append(Line("gift_cards", unit=10_00, total=10_00))
    if chance.random() < 0.4:
        lines.append(Line("fixed_amount_promotions", unit=-1_50, total=-1_50))
    if chance.random() < 0.2:
        lines.append(Line("discount_engine_items", unit=-42, total=-42))
    if chance.random() < 0.2:
        lines.append(Line("adjustments", unit=-13, total=-13))
    return Source(
        f"M{number}",
        tuple(lines),
        currency=chance.choice(["EUR", "EUR", "EUR", "USD"]),
        tax_included=chance.random() < 0.5,
        tax_rate=chance.choice([None, 0.22, 0.19]),
    )


def sources() -> list[Source]:
    """All orders of the matrix: without a fault, with one, with each two of them."""
    faults = [(), *((one,) for one in FAULTS.values())]
    faults += [(_add_coupon(code),) for code in _ALONE]
    faults += list(combinations(FAULTS.values(), 2))
    made = []
    for number, wrong in enumerate(faults, 1):
        source = _base(number)
        for fault in wrong:
            source = fault(source)
        made.append(source)
    Random(7).shuffle(made)
    return made
