"""What a copy with another customer, address, market, currency or notes is to be, in plain Python."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.simulations.changed_copies import tax_on

UNKNOWN, BLOCKED = "nobody", "blocked"


@dataclass(frozen=True)
class Line:
    """A line of an order; `extras` are the costs of its options."""

    kind: str
    code: str | None
    quantity: int
    unit: int
    tax: int | None = None
    rate: float | None = None
    extras: int = 0
    currency: str = "EUR"

    @property
    def total(self) -> int:
        return self.unit * self.quantity + self.extras


@dataclass(frozen=True)
class Source:
    """A source order in EUR; customers, addresses and cards are named. A guest has no customer."""

    lines: tuple[Line, ...]
    customer: str | None
    billing: str
    shipping: str | None
    card: str | None
    market: str | None
    notes: str | None
    gift_card_cents: int = 0


@dataclass(frozen=True)
class Asked:
    """The options of a copy."""

    customer: str | None = None
    billing: str | None = None
    shipping: str | None = None
    market: str | None = None
    currency: str | None = None
    notes: str | None = None
    refresh_prices: bool = False
    skip_errors: bool = False
    gift_cards: str = "reuse"
    payment_source_fallback: str = "off"


def copy_of(
    source: Source, options: Asked, prices: Mapping[tuple[str, str], int], cards: Mapping[str, str]
) -> tuple[dict[str, Any] | None, set[str]]:
    """The copy, or None, and the keys of its errors log. `cards` is what each customer saved."""
    fatal: set[str] = set()
    customer = source.customer
    if options.customer in (UNKNOWN, BLOCKED):
        fatal.add("target_customer")
    elif options.customer is not None:
        customer = options.customer
    moved = options.customer == BLOCKED or customer != source.customer
    if moved and source.gift_card_cents and options.gift_cards == "fail":
        fatal.add("target_customer")
    for kind in ("billing", "shipping"):
        if getattr(options, kind) == UNKNOWN:
            fatal.add(f"target_{kind}_address")
    currency = options.currency or "EUR"
    if currency != "EUR" and not options.refresh_prices:
        fatal.add("target_currency")
        currency = "EUR"
    lines = [_line_of(line, currency, options, prices) for line in source.lines]
    errors = fatal | ({"line_items"} if None in lines else set())
    # A gift card in EUR does not pay for an order in another currency.
    unpaid = bool(source.gift_card_cents) and (moved or currency != "EUR")
    if unpaid and not moved and options.gift_cards == "fail":
        errors.add("gift_card_code")
    made = [line for line in lines if line is not None]
    if fatal or not made or (errors and not options.skip_errors):
        return None, errors
    card = source.card
    if moved:
        card = cards.get(str(customer)) if card and _falls_back(options) else None
    if unpaid:
        errors.add("gift_card_code")
    worth = sum(line.total for line in made)
    return {
        "customer": customer,
        "guest": customer is None,
        "market": options.market or source.market,
        "notes": options.notes or source.notes,
        "currency": currency,
        "billing": options.billing or source.billing,
        "shipping": options.shipping or source.shipping,
        "card": card,
        "total": worth if unpaid else worth - min(source.gift_card_cents, worth),
        "lines": made,
    }, errors


def _falls_back(options: Asked) -> bool:
    return options.payment_source_fallback == "newest_valid"


def _line_of(
    line: Line, currency: str, options: Asked, prices: Mapping[tuple[str, str], int]
) -> Line | None:
    """The line of the copy; None if it cannot be copied."""
    other = currency != "EUR"
    if line.kind != "skus":
        return None if other and (line.total or line.tax) else replace(line, currency=currency)
    if not options.refresh_prices:
        return line
    price = prices.get((str(line.code), currency))
    if price is None or (other and (line.extras or (line.tax and line.rate is None))):
        return None
    priced = replace(line, unit=price, currency=currency)
    changed = other or priced.total != line.total
    if changed and line.tax is not None and line.rate is not None:
        priced = replace(priced, tax=tax_on(priced.total, line.rate))
    return priced
