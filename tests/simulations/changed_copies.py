"""The expected copy with changed lines: a model in plain Python, without the statements."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Line:
    """A line of an order; `extras` are the costs of its options."""

    kind: str
    code: str | None
    quantity: int
    unit: int | None
    total: int
    tax: int | None = None
    discount: int | None = None
    rate: float | None = None
    extras: int = 0


@dataclass(frozen=True)
class Changes:
    quantities: Mapping[str, int] = field(default_factory=dict)
    swap_skus: Mapping[str, str] = field(default_factory=dict)
    add_lines: Mapping[str, int] = field(default_factory=dict)
    refresh_prices: bool = False


def part_of(cents: int | None, part: int, whole: int) -> int | None:
    """Half a cent is rounded away from zero."""
    if cents is None:
        return None
    share = (2 * abs(cents) * part + whole) // (2 * whole)
    return -share if cents < 0 else share


def tax_on(net: int, rate: float) -> int:
    """The tax in an amount that includes it, half a cent rounded up."""
    millionths = round(rate * 1_000_000)
    whole = 2 * (1_000_000 + millionths)
    return 0 if net <= 0 else (2 * net * millionths + whole // 2) // whole


def copy_with(
    source: list[Line], changes: Changes, prices: Mapping[str, int], rate: float | None
) -> list[Line] | set[str]:
    """The lines of the copy, or the keys of `errors_log` where it cannot be made."""
    wrong: set[str] = set()
    goods = [line for line in source if line.kind == "skus"]
    for code, quantity in changes.quantities.items():
        if quantity and sum(line.code == code for line in goods) != 1:
            wrong.add("quantities")
    made: list[Line] = []
    shares = now = 0
    for line in goods:
        quantity = changes.quantities.get(str(line.code), line.quantity)
        if quantity == 0:
            continue
        code = changes.swap_skus.get(str(line.code), str(line.code))
        changed = code != line.code or quantity != line.quantity
        if code != line.code or changes.refresh_prices:
            if code not in prices:
                wrong.add("line_items" if code == line.code else "swap_skus")
                continue
            changed_line = _apply_price(line, code, quantity, prices, rate)
        else:
            changed_line = _change_quantity(line, quantity) if changed else line
        made.append(changed_line)
        # Discounts follow the goods before the new prices of lines that are as they were.
        now += max((changed_line if changed else line).total, 0)
        shares += (
            line.total * min(quantity, line.quantity) // line.quantity if line.total > 0 else 0
        )
    for code, quantity in changes.add_lines.items():
        if code not in prices:
            wrong.add("add_lines")
            continue
        total = prices[code] * quantity
        rates = {line.rate for line in goods if line.rate is not None} if rate is None else {rate}
        tax = tax_on(total, rates.pop()) if len(rates) == 1 else None
        now += total
        made.append(Line("skus", code, quantity, prices[code], total, tax))
    if not made and all(line.kind == "skus" for line in source):
        wrong.add("line_items")
    if wrong:
        return wrong
    whole = sum(line.total for line in goods if line.total > 0)
    for line in source:
        if line.kind == "skus":
            continue
        if line.total < 0 and line.kind in SPLIT and whole:
            part = now if line.kind == "percentage_discount_promotions" else shares
            cents = part_of(line.total, part, whole)
            assert cents is not None
            tax = part_of(line.tax, part, whole)
            line = replace(line, unit=part_of(line.unit, part, whole), total=cents, tax=tax)
        made.append(line)
    return made


SPLIT = ("percentage_discount_promotions", "fixed_amount_promotions")


def _apply_price(
    line: Line, code: str, quantity: int, prices: Mapping[str, int], rate: float | None
) -> Line:
    total = prices[code] * quantity + line.extras
    # What a line loses in discounts falls to its own SKU alone.
    discount = None
    if code == line.code:
        discount = part_of(line.discount, min(quantity, line.quantity), line.quantity)
    own = line.rate if line.rate is not None else rate
    tax = line.tax
    if tax is not None and total != line.total:
        if own is not None:
            tax = tax_on(total + (discount or 0), own)
        elif code != line.code or quantity != line.quantity:
            tax = part_of(tax, total, line.total) if line.total > 0 else tax
    return replace(
        line,
        code=code,
        quantity=quantity,
        unit=prices[code],
        total=total,
        tax=tax,
        discount=discount,
    )


def _change_quantity(line: Line, quantity: int) -> Line:
    price = line.unit or 0
    beside = part_of(line.total - price * line.quantity - line.extras, quantity, line.quantity)
    assert beside is not None
    total = max(price * quantity + line.extras + beside, 0)
    tax = part_of(line.tax, total, line.total) if line.total > 0 else line.tax
    discount = part_of(line.discount, min(quantity, line.quantity), line.quantity)
    return replace(line, quantity=quantity, total=total, tax=tax, discount=discount)


def sums(lines: list[Line]) -> dict[str, Any]:
    """The amounts of an order with these lines, its taxes included."""

    def sum_kinds(*kinds: str) -> int:
        return sum(line.total for line in lines if line.kind in kinds)

    return {
        "subtotal_amount_cents": sum_kinds("skus"),
        "shipping_amount_cents": sum_kinds("shipments"),
        "discount_amount_cents": sum_kinds(*SPLIT),
        "total_tax_amount_cents": sum(line.tax or 0 for line in lines),
        "total_amount_cents": sum(line.total for line in lines),
    }
