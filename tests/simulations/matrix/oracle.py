"""What must become of the orders of the matrix: worked out one after the other in plain Python.

It knows the documentation and nothing of the code but a name: exact fractions, loops, no SQL.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from math import floor, inf
from typing import Any

from order_factory.models.values.money import format_money
from order_factory.models.values.stock_policies import StockPolicy
from tests.simulations.matrix.spec import (
    COUPONS,
    CUSTOMERS,
    EXPIRED_ON,
    FUTURE,
    NOW,
    PROMOTIONS,
    SKUS,
    Coupon,
    Line,
    Promotion,
    Source,
)

BOUGHT = ("skus", "bundles", "gift_cards")
GOODS = ("skus", "bundles")
CATALOGUE = {sku.code: sku for sku in SKUS}
COUPON = {coupon.code: coupon for coupon in COUPONS}
PROMOTION = {promotion.name: promotion for promotion in PROMOTIONS}


@dataclass(frozen=True)
class Options:
    skip_errors: bool = False
    ignore_invalid_coupon: bool = False
    apply_promotions: bool = False
    refresh_prices: bool = False
    stock: StockPolicy = StockPolicy.TAKE


@dataclass
class Outcome:
    """How a copy ends; `target` is None where none is made."""

    status: str
    errors_log: dict[str, list[str]]
    target: dict[str, Any] | None = None


@dataclass
class Uses:
    """The remaining pieces and uses of everything that is limited, and the used ones."""

    left: Counter[Any]
    used: Counter[Any] = field(default_factory=Counter)


def predict(sources: Sequence[Source], options: Options) -> tuple[list[Outcome], Counter[Any]]:
    """The outcomes in the order of the sources, and the number of uses by coupon and promotion."""
    left: Counter[Any] = Counter({sku.code: sku.stock for sku in SKUS if not sku.do_not_track})
    left |= Counter(
        {("coupon", c.code): c.usage_limit - c.usage_count for c in COUPONS if c.usage_limit}
    )
    left |= Counter(
        {("promotion", p.name): p.total_usage_limit for p in PROMOTIONS if p.total_usage_limit}
    )
    granted = Uses(left)
    decided = [_decide(source, options, granted) for source in sources]
    # Coupons use their promotions first. Then the promotions without a coupon are used.
    uses = Uses(Counter(left))
    for copy in decided:
        if copy.valid and copy.coupon:
            uses.used.update([("coupon", copy.coupon.code), ("promotion", copy.coupon.promotion)])
    outcomes = [_finish(copy, options, uses) for copy in decided]
    return outcomes, uses.used


@dataclass
class Copy:
    source: Source
    errors: dict[str, list[str]]
    lines: list[Line]
    customer: str | None
    coupon: Coupon | None
    valid: bool


def _decide(source: Source, options: Options, uses: Uses) -> Copy:
    """The errors of one order, and its copy without the invalid parts."""
    skip = options.skip_errors
    errors: dict[str, list[str]] = {}

    def add_messages(name: str, *messages: str) -> None:
        if messages:
            errors.setdefault(name, []).extend(messages)

    customer = source.customer
    if customer is None:
        add_messages("customer", "the order has no customer and no email")
    elif CUSTOMERS[customer] in ("blocked", "deleted"):
        add_messages("customer", f"the customer is {CUSTOMERS[customer]}")
        customer = None if skip else customer
    if not source.billing:
        add_messages("billing_address", "the order has no billing address")
    # If the source has no address, a bundle that is not in the catalogue needs none.
    goods = [line for line in source.lines if line.item_type != "bundles"]
    if source.shipping is None and any(_ships(line) for line in goods):
        add_messages("shipping_address", "the order has no shipping address")
    if source.shipping == "abroad" and any(_ships(line) for line in source.lines):
        lock = "is outside the order's shipping country lock IT"
        add_messages("shipping_address", f"the country DE {lock}")

    lines = [
        line
        for line in source.lines
        if not (options.apply_promotions and line.item_type.endswith("promotions"))
    ]
    redeemed = [line for line in lines if line.item_type == "gift_cards" and line.total < 0]
    lines = [line for line in lines if line not in redeemed]
    wrong = _wrong_lines(source, lines, options)
    rates = _wrong_rates(source, lines, options)
    add_messages("tax_rate", *(message for message, _ in rates))
    add_messages("line_items", *(["the order has no line item"] if not source.lines else []))
    add_messages("line_items", *(message for message, _ in wrong))
    if skip:
        bad = {id(line) for _, line in wrong + rates}
        lines = [line for line in lines if id(line) not in bad]
    worth = sum(
        line.total + (line.tax or 0) for line in source.lines if line.item_type != "gift_cards"
    )
    worth += sum(
        line.total for line in source.lines if line.item_type == "gift_cards" and line.total > 0
    )
    free = bool(source.lines) and worth <= 0 and not options.refresh_prices
    if free:
        pass  # it needs no card
    elif source.card == "expired" and source.customer is not None:
        advice = "ask the customer for another, or set payment_source_fallback"
        add_messages(
            "payment_source", f"the saved payment source expired on {EXPIRED_ON}; {advice}"
        )
    elif source.card == "foreign" and source.customer != "other":
        add_messages("payment_source", "the payment source is in another customer's wallet")

    coupon = COUPON.get(source.coupon or "")
    problems = _coupon_problems(source, lines, options)
    if not options.ignore_invalid_coupon:
        add_messages("coupon_code", *problems)
    coupon = None if problems else coupon

    short, out_of_uses = _contest(source, lines, coupon, bool(errors), options, uses)
    add_messages("line_items", *short.values())
    if skip:
        lines = [
            line for line in lines if not (line.item_type == "skus" and line.sku_code in short)
        ]
    if out_of_uses is not None:
        if not options.ignore_invalid_coupon:
            add_messages("coupon_code", *out_of_uses)
        coupon = None

    if source.coupon and coupon is None and (skip or options.ignore_invalid_coupon):
        lines = [
            line for line in lines if not (_is_discount(line) and line.coupon == source.coupon)
        ]
    if source.lines and not lines:
        add_messages("line_items", "no line item is left to copy")
    valid = bool(lines) and (skip or not errors)
    if valid:
        owed = -sum(line.total for line in redeemed)
        if owed:
            reason = "the source order has no gift_card_code, so no gift card pays"
            add_messages("gift_card_code", f"{reason}; {_amount(owed, source)} more is to be paid")
    return Copy(source, errors, lines, customer, coupon, valid)


def _amount(cents: int, source: Source) -> str:
    return format_money(cents, source.currency).replace(",", "")


def _ships(line: Line) -> bool:
    if line.item_type == "bundles":
        return True
    known = CATALOGUE.get(line.sku_code or "")
    return line.item_type == "skus" and not (known and known.do_not_ship)


def _is_discount(line: Line) -> bool:
    return line.item_type.endswith("promotions") or line.item_type == "discount_engine_items"


def _price(source: Source, line: Line) -> int | None:
    known = CATALOGUE.get(line.sku_code or "")
    if line.item_type != "skus" or known is None:
        return None
    return dict(known.prices).get(source.currency)


def _wrong_lines(source: Source, lines: Sequence[Line], options: Options) -> list[tuple[str, Line]]:
    skus = [line for line in lines if line.item_type == "skus"]
    messages = []
    if options.refresh_prices:
        messages += [
            (f"SKU {line.sku_code} has no price in {source.currency}", line)
            for line in skus
            if line.sku_code in CATALOGUE and _price(source, line) is None
        ]
    messages += [
        (f"SKU {line.sku_code}: the quantity {line.quantity} is below 1", line)
        for line in lines
        if line.quantity < 1
    ]
    messages += [
        (f"SKU {line.sku_code} is in {line.currency}, and the order in {source.currency}", line)
        for line in lines
        if line.currency not in (None, source.currency)
    ]
    messages += [
        (f"SKU {line.sku_code} is no longer in the catalogue", line)
        for line in skus
        if line.sku_code not in CATALOGUE
    ]
    messages += [
        (f"SKU {line.sku_code} is not purchasable", line)
        for line in skus
        if line.sku_code in CATALOGUE and not CATALOGUE[line.sku_code].purchasable
    ]
    return messages


def _wrong_rates(source: Source, lines: Sequence[Line], options: Options) -> list[tuple[str, Line]]:
    """Tax rates outside 0 to 1, if a tax may be calculated with them."""
    if not (options.refresh_prices or options.apply_promotions):
        return []
    hint = "write 0.22 for 22 percent"
    return [
        (f"SKU {line.sku_code}: the tax rate is {line.rate * 100:.0f} percent; {hint}", line)
        for line in lines
        if line.rate is not None and line.rate > 1 and line.tax is not None
    ]


def _apply_price(source: Source, line: Line, options: Options) -> Line:
    """The line at today's price, if the option asks for it, with its tax after the discount."""
    price = _price(source, line) if options.refresh_prices else None
    if price is None:
        return line
    new = replace(line, unit=price, total=price * line.quantity + sum(line.options))
    if new.total == line.total:
        return new
    return _apply_tax(source, new, new.total + (line.discount or 0))


def _apply_tax(source: Source, line: Line, net: int) -> Line:
    rate = line.rate if line.rate is not None else source.tax_rate
    if rate is None or line.tax is None:
        return line
    millionth = Decimal("0.000001")
    exact = Fraction(Decimal(repr(rate)).quantize(millionth, rounding=ROUND_HALF_UP))
    part = exact / (1 + exact) if source.tax_included else exact
    return replace(line, tax=_half_up(max(net, 0) * part))


def _half_up(value: Fraction) -> int:
    return floor(value + Fraction(1, 2))


def _goods(source: Source, lines: Sequence[Line], options: Options) -> list[Line]:
    priced = (_apply_price(source, line, options) for line in lines)
    return [line for line in priced if line.item_type in GOODS and line.total > 0]


def _coupon_problems(source: Source, lines: Sequence[Line], options: Options) -> list[str]:
    """The problems of the coupon that do not depend on the other orders of the batch."""
    code = source.coupon
    if not code:
        return []
    coupon = COUPON.get(code)
    if coupon is None:
        return [f"coupon {code} does not exist"]
    promotion, goods = PROMOTION[coupon.promotion], _goods(source, lines, options)
    messages = []
    if promotion.starts_at > NOW:
        messages.append(f"coupon {code} is not valid before {FUTURE:%Y-%m-%d}")
    if min(coupon.expires_at or FUTURE, promotion.expires_at) <= NOW:
        messages.append(f"coupon {code} expired on {EXPIRED_ON}")
    if promotion.disabled_at is not None:
        messages.append(f"coupon {code} belongs to a disabled promotion")
    if promotion.currency_code not in (None, source.currency):
        messages.append(f"coupon {code} is for orders in {promotion.currency_code}")
    email = f"{source.customer}@shop.example"
    if coupon.recipient_email and coupon.recipient_email.lower() != email.lower():
        messages.append(f"coupon {code} is for another customer")
    if coupon.usage_limit is not None and coupon.usage_count >= coupon.usage_limit:
        messages.append(f"coupon {code} is used up")
    if coupon.customer_single_use:
        # The source order was the only allowed use.
        messages.append(f"coupon {code} has been used by the customer already")
    worth, least = sum(line.total for line in goods), promotion.order_amount_cents
    if least is not None and worth < least:
        needs = f"needs goods worth {_amount(least, source)} or more"
        needs += f"; these are worth {_amount(worth, source)}"
        messages.append(f"coupon {code} {needs}")
    if promotion.sku_list is not None and not any(
        line.sku_code in promotion.sku_list for line in goods
    ):
        messages.append(f"coupon {code} is for SKUs that the order does not have")
    return messages


def _contest(
    source: Source,
    lines: Sequence[Line],
    coupon: Coupon | None,
    fails: bool,
    options: Options,
    uses: Uses,
) -> tuple[dict[str, str], list[str] | None]:
    """The messages of SKUs that are short, and the problems of the coupon, None if it is valid."""
    pieces: Counter[str] = Counter()
    for line in lines:
        known = CATALOGUE.get(line.sku_code or "")
        tracked = options.stock == StockPolicy.TAKE and known and not known.do_not_track
        if line.item_type == "skus" and tracked and line.quantity > 0:
            pieces[str(line.sku_code)] += line.quantity
    short = {
        code: f"SKU {code}: {count} wanted, {uses.left[code]} in stock"
        for code, count in pieces.items()
        if count > uses.left[code]
    }
    limits: list[Any] = []
    if coupon is not None:
        limits = [("coupon", coupon.code)] if coupon.usage_limit is not None else []
        if PROMOTION[coupon.promotion].total_usage_limit is not None:
            limits.append(("promotion", coupon.promotion))
    lacking = any(uses.left[each] < 1 for each in limits)
    detail = [f"coupon {source.coupon} is used up"] if lacking else None
    apart = options.skip_errors or options.ignore_invalid_coupon
    # If no line of an order is left, it fails with any options, and takes nothing.
    some = any(not (line.item_type == "skus" and line.sku_code in short) for line in lines)
    if options.skip_errors:
        uses.left.subtract({code: n for code, n in pieces.items() if code not in short})
        serves = some
    else:
        serves = some and not fails and not short and (apart or not lacking)
        if serves:
            uses.left.subtract(pieces)
    if serves and not lacking:
        uses.left.subtract(limits)
    return short, detail


def _finish(copy: Copy, options: Options, uses: Uses) -> Outcome:
    if not copy.valid:
        return Outcome("failed", copy.errors)
    source = copy.source
    lines = [_apply_price(source, line, options) for line in copy.lines]
    metadata = None
    if options.refresh_prices:
        changed = {
            (old.sku_code, old.unit, new.unit)
            for old, new in zip(copy.lines, lines, strict=True)
            if old.unit != new.unit
        }
        names = ("sku_code", "old_amount_cents", "new_amount_cents")
        metadata = {
            "refreshed_prices": [
                dict(zip(names, each, strict=True)) for each in sorted(changed, key=str)
            ]
        }
    if options.apply_promotions:
        lines = _apply_promotions(copy, lines, uses)
    bought = [
        line
        for line in lines
        if line.item_type in BOUGHT and not (line.item_type == "gift_cards" and line.total < 0)
    ]
    pending = source.customer is not None and copy.customer is not None
    pending &= any(line.quantity > 0 for line in bought)
    target = {
        "status": "pending" if pending else "draft",
        "coupon_code": source.coupon if copy.coupon else None,
        "metadata": metadata,
        "lines": [
            (each.item_type, each.sku_code, each.unit, each.total, each.discount, each.tax)
            for each in lines
        ],
        **_amounts(source, lines, bought),
    }
    return Outcome("completed", copy.errors, target)


def _amounts(source: Source, lines: Sequence[Line], bought: Sequence[Line]) -> dict[str, int]:
    def total(*kinds: str) -> int:
        return sum(line.total for line in lines if line.item_type in kinds)

    tax = sum(line.tax or 0 for line in lines)
    whole = sum(line.total for line in lines)
    paid = -sum(line.total for line in lines if line.item_type == "gift_cards" and line.total < 0)
    return {
        "subtotal_amount_cents": sum(line.total for line in bought),
        "shipping_amount_cents": total("shipments"),
        "payment_method_amount_cents": 0,
        "discount_amount_cents": sum(line.total for line in lines if _is_discount(line)),
        "adjustment_amount_cents": total("adjustments"),
        "gift_card_amount_cents": paid,
        "total_tax_amount_cents": tax,
        "total_amount_cents": whole,
        "total_amount_with_taxes_cents": whole if source.tax_included else whole + tax,
    }


def _apply_promotions(copy: Copy, lines: list[Line], uses: Uses) -> list[Line]:
    """The lines with their shares of the order's promotions, and a line for each promotion."""
    left = {
        index: line.total
        for index, line in enumerate(lines)
        if line.item_type in (*GOODS, "shipments") and line.total > 0
    }
    discounts = []
    for promotion in _promotions_for(copy, lines, uses):
        suited = [index for index in left if left[index] > 0 and _suits(promotion, lines[index])]
        parts = divide(promotion, {index: left[index] for index in suited})
        for index, cents in parts.items():
            left[index] -= cents
        off = sum(parts.values())
        if off:
            code = copy.source.coupon if promotion.coupon_required else None
            discounts.append(Line(promotion.type, unit=-off, total=-off, coupon=code))
            own = copy.coupon is not None and copy.coupon.promotion == promotion.name
            uses.used.update([] if own else [("promotion", promotion.name)])
    given = []
    for index, line in enumerate(lines):
        discount = left.get(index, line.total) - line.total
        if index in left and discount != (line.discount or 0):
            line = _apply_tax(copy.source, replace(line, discount=discount), left[index])
        given.append(line)
    return given + discounts


def divide(promotion: Promotion, amounts: dict[int, int]) -> dict[int, int]:
    """The promotion's discount on each of these amounts, in cents, by largest remainder."""
    base = sum(amounts.values())
    if promotion.percentage is not None:
        exact = {i: Fraction(cents * promotion.percentage, 100) for i, cents in amounts.items()}
        off = _half_up(Fraction(base * promotion.percentage, 100))
    else:
        off = (
            base
            if promotion.fixed_amount_cents is None
            else min(base, promotion.fixed_amount_cents)
        )
        exact = {i: Fraction(off * cents, base) for i, cents in amounts.items()}
    parts = {i: floor(value) for i, value in exact.items()}
    by_remainder = sorted(amounts, key=lambda i: (parts[i] - exact[i], i))
    for i in by_remainder[: off - sum(parts.values())]:
        parts[i] += 1
    return parts


def _suits(promotion: Promotion, line: Line) -> bool:
    if promotion.type == "free_shipping_promotions":
        return line.item_type == "shipments"
    listed = promotion.sku_list is None or line.sku_code in promotion.sku_list
    return line.item_type in GOODS and listed


def _promotions_for(copy: Copy, lines: Sequence[Line], uses: Uses) -> list[Promotion]:
    goods = sum(line.total for line in lines if line.item_type in GOODS and line.total > 0)
    in_order = sorted(
        PROMOTIONS,
        key=lambda p: (not p.exclusive, p.priority is None, p.priority or 0, PROMOTIONS.index(p)),
    )
    promotions: list[Promotion] = []
    for promotion in in_order:
        own = copy.coupon is not None and copy.coupon.promotion == promotion.name
        valid = promotion.starts_at <= NOW < promotion.expires_at and promotion.disabled_at is None
        fits = (
            valid
            and (own or not promotion.coupon_required)
            and promotion.currency_code in (None, copy.source.currency)
            and goods >= (promotion.order_amount_cents or 0)
            and any(line.total > 0 and _suits(promotion, line) for line in lines)
        )
        limit = ("promotion", promotion.name)
        if not fits or any(earlier.exclusive for earlier in promotions):
            continue
        if own or uses.used[limit] < (promotion.total_usage_limit or inf):
            promotions.append(promotion)
    return promotions
