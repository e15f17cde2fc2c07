"""A year of renewals with cards that fail in every way, compared with a model in plain Python.

Cards expire, are declined softly and for good, are replaced, and need the customer; customers
cancel at each step. The model does not use the database. It predicts the paid periods, the number
of their attempts, and the charges and voids of the gateway.
"""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from order_factory.gateways.protocol import Answer, GatewayRequest
from order_factory.gateways.testing import TestGateway
from order_factory.models.database.engine import begin, reading
from order_factory.models.tables import (
    CustomerPaymentSource,
    Order,
    OrderFactory,
    PaymentSource,
    Transaction,
)
from order_factory.models.tables.base import utc_now
from order_factory.models.values.public_ids import Resource, parse_public_id
from order_factory.tasks.subscriptions.transitions import Trigger, apply_trigger
from order_factory.tasks.verify import verify
from order_factory.tasks.working_set.statements import table_of
from tests.support import subscriptions
from tests.support.copying import change, copy_batch
from tests.support.orders import ask_gateways
from tests.support.paying import TestLedger, make_payable_order
from tests.support.shop import Shop
from tests.support.subscriptions import run_due, subscribe

BEGIN = datetime(2027, 1, 5, 9, tzinfo=UTC)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
DELAYS = (2, 4)
# The days of each month on which there is a run: the renewal, and its two retries.
DAYS = (0, 2, 6)
SOFT, HARD, ASKS = (
    f"tok_decline_{reason}"
    for reason in ("insufficient_funds", "expired_card", "authentication_required")
)
GOOD = "tok_approve"
EXPIRED = "expired"
STEPS = BEFORE, BETWEEN, UNDER_WAY, AT_THE_GATEWAY = (
    "before",
    "between",
    "under way",
    "at the gateway",
)


@dataclass
class Card:
    """A card as the model sees it; `row` is its payment source."""

    row: int
    state: str = GOOD
    refused: bool = False


@dataclass
class Period:
    """A period: when it is tried again, or that it waits for another card or for the customer."""

    attempts: int = 0
    paid: bool = False
    retry_at: datetime | None = None
    waits: bool = False
    refused: Card | None = None
    asked: bool = False
    confirmed: bool = False


@dataclass
class Person:
    """A customer with a subscription: the cards, the periods, and what the gateway did.

    `cancels` says in which month, and at which step.
    """

    subscription: int
    customer: int
    cards: list[Card]
    allows_fallback: bool
    cancels: tuple[int, str] | None
    active: bool = True
    changed: bool = False
    periods: list[Period] = field(default_factory=list)
    charges: int = 0
    voids: int = 0

    def card_to_ask(self) -> Card | None:
        """The card that is asked now; None where it has expired and no other takes its place."""
        own = self.cards[0]
        if self.allows_fallback and (own.state == EXPIRED or own.refused):
            valid = self._valid()
            if valid:
                return valid[-1]
        return None if own.state == EXPIRED else own

    def _valid(self) -> list[Card]:
        return [card for card in self.cards if card.state != EXPIRED and not card.refused]

    def _wakes(self, period: Period) -> bool:
        has_other = self.allows_fallback and bool(self._valid())
        return self.changed or (period.refused is not None and period.refused.refused and has_other)

    def run(self, now: datetime, is_due: bool, step: str | None) -> None:
        """What one run of the scheduler does; `step` is where the customer cancels in it."""
        if is_due and self.active:
            self.periods.append(Period(retry_at=now))
        while self.active:
            for period in self.periods:
                if period.waits and self._wakes(period):
                    period.retry_at, period.waits = now, False
            self.changed = False
            ripe = [each for each in self.periods if each.retry_at and each.retry_at <= now]
            if not ripe:
                return
            # All copies are made before the gateway is asked about the first.
            cards = [(period, self.card_to_ask()) for period in ripe]
            for period, card in cards:
                self._attempt(period, card, now, step)
            if (
                step == UNDER_WAY
                or step == AT_THE_GATEWAY
                and any(card is not None for _, card in cards)
            ):
                self.stop()

    def _attempt(self, period: Period, card: Card | None, now: datetime, step: str | None) -> None:
        period.attempts, period.retry_at, period.refused = period.attempts + 1, None, None
        if step == UNDER_WAY and card is not None:
            return
        if card is None or (card.state == SOFT and not period.confirmed):
            if period.attempts <= len(DELAYS):
                period.retry_at = now + timedelta(days=DELAYS[period.attempts - 1])
        elif period.confirmed or card.state == GOOD:
            self.charges += 1
            period.paid = step != AT_THE_GATEWAY
            self.voids += step == AT_THE_GATEWAY
        elif card.state == ASKS:
            period.waits = period.asked = True
        else:
            period.waits, period.refused, card.refused = True, card, True

    def stop(self) -> None:
        """The subscription is cancelled: nothing is tried again."""
        self.active = False
        for period in self.periods:
            period.retry_at, period.waits = None, False


class PayingYear:
    """The year in a shop, and in the model."""

    def __init__(self, shop: Shop, ledger: TestLedger, people: int, chance: random.Random) -> None:
        self._shop, self._ledger, self._chance = shop, ledger, chance
        self.people = [self._person(nth) for nth in range(people)]
        self._cancelling: set[int] = set()

    def _person(self, nth: int) -> Person:
        order = make_payable_order(self._shop, GOOD)
        allows_fallback = nth % 2 == 0
        key = subscribe(
            self._shop,
            order,
            starts_at=BEGIN - timedelta(days=31),
            at=BEGIN - timedelta(days=20),
            retry_after=" ".join(f"{days}d" for days in DELAYS),
            payment_source_fallback="newest_valid" if allows_fallback else "off",
        )
        row = self._shop.row(Order, id=order)
        cancels = (3 + nth, STEPS[nth % 4]) if nth < 8 else None
        return Person(key, row.customer_id, [Card(row.payment_source_id)], allows_fallback, cancels)

    def pass_by(self) -> None:
        """Let the year pass: things happen to the cards, and the scheduler runs."""
        for month in range(1, 13):
            for nth, day in enumerate(DAYS):
                now = BEGIN.replace(month=month) + timedelta(days=day)
                for person in self.people:
                    if nth == 0:
                        self._spoil(person)
                    else:
                        self._mend(person)
                steps = {
                    person.subscription: person.cancels[1]
                    for person in self.people
                    if person.cancels and person.cancels[0] == month and person.active
                }
                self._run(now, steps, nth)

    def _run(self, now: datetime, steps: dict[int, str], nth: int) -> None:
        for person in self.people:
            step = steps.get(person.subscription)
            if (step == BEFORE and nth == 0) or (step == BETWEEN and nth == 1):
                pull(person.subscription)
                person.stop()
        during = {key: step for key, step in steps.items() if step in (UNDER_WAY, AT_THE_GATEWAY)}
        if nth:
            during = {}
        with cancel_during_payment(during):
            run_due(now)
        for person in self.people:
            person.run(now, nth == 0, during.get(person.subscription))

    def _spoil(self, person: Person) -> None:
        """Something may happen to the card that would be asked next."""
        state = self._chance.choice([GOOD, GOOD, SOFT, HARD, ASKS, EXPIRED])
        card = person.card_to_ask()
        if card is None or state == GOOD or card.state != GOOD:
            return
        card.state = state
        if state == EXPIRED:
            change(PaymentSource, card.row, expires_at=LONG_AGO)
        else:
            change(PaymentSource, card.row, payment_source_token=state)

    def _mend(self, person: Person) -> None:
        """The customer may mend the card, save another, or confirm what waits for it."""
        card = person.cards[0]
        action = self._chance.choice(["nothing", "replace", "save", "confirm", "funds"])
        if action == "replace" and card.state != GOOD:
            values = {"payment_source_token": GOOD, "expires_at": None, "updated_at": utc_now()}
            change(PaymentSource, card.row, **values)
            card.state, card.refused, person.changed = GOOD, False, True
        elif action == "save" and len(person.cards) < 4:
            person.cards.append(Card(self._save(person)))
            person.changed = True
        elif action == "funds":
            for each in person.cards:
                if each.state == SOFT:
                    each.state = GOOD
                    change(PaymentSource, each.row, payment_source_token=GOOD)
        elif action == "confirm":
            waiting = [each for each in person.periods if each.waits and each.asked]
            if waiting and all(each.waits for each in waiting):
                self._confirm(person)
                for period in waiting:
                    period.confirmed = period.refused is None
                person.changed = True

    def _save(self, person: Person) -> int:
        now = utc_now()
        key = self._shop.payment_source(gateway="test", payment_source_token=GOOD)
        self._shop.add(
            CustomerPaymentSource,
            customer_id=person.customer,
            payment_source_id=key,
            created_at=now,
            updated_at=now,
        )
        return key

    def _confirm(self, person: Person) -> None:
        """Confirm at the gateway, and have the shop touch the wallet."""
        orders = [row.target_order_id for row in self._find_waiting(person)]
        keys = []
        for order in orders:
            authorizations = self._shop.rows(Transaction, order_id=order, type="authorizations")
            if authorizations and authorizations[-1].customer_action is not None:
                keys.append(authorizations[-1].idempotency_key)
        with closing(sqlite3.connect(self._ledger.file)) as db:
            db.executemany(
                "UPDATE charges SET succeeded = 1, error_code = NULL, token = 'confirmed' "
                "WHERE idempotency_key = ?",
                [(key,) for key in keys],
            )
            db.commit()
        saved = self._shop.row(
            CustomerPaymentSource,
            customer_id=person.customer,
            payment_source_id=person.cards[0].row,
        )
        change(CustomerPaymentSource, saved.id, updated_at=utc_now())

    def _find_waiting(self, person: Person) -> list[Any]:
        rows = self._shop.rows(OrderFactory, order_subscription_id=person.subscription)
        return [row for row in rows if row.waits_for_payment_source]

    def problems(self) -> Iterator[str]:
        """What differs from the model, and the invariants that are broken."""
        # Here the token decides what the gateway says: it was changed behind the wallet's back.
        cards = [card.row for person in self.people for card in person.cards]
        change(PaymentSource, cards, updated_at=utc_now())
        yield from ask_gateways()
        with reading() as db:
            yield from (
                f"{each.name} is broken" for each in verify(db).invariants if each.violations
            )
        with closing(sqlite3.connect(self._ledger.file)) as db:
            done = dict(db.execute("SELECT idempotency_key, kind FROM charges WHERE succeeded"))
        transactions = self._shop.rows(Transaction)
        for person in self.people:
            copies = self._shop.rows(OrderFactory, order_subscription_id=person.subscription)
            calls: dict[Any, list[str]] = {}
            for copy in copies:
                calls.setdefault(copy.period_at, []).append(copy.status)
            made = [(len(all_), all_[-1] == "completed") for _, all_ in sorted(calls.items())]
            expected = [(period.attempts, period.paid) for period in person.periods]
            name = f"subscription {person.subscription}, cancelled {person.cancels}"
            if made != expected:
                yield f"{name}: periods {made} instead of {expected}"
            copy_keys = {copy.id for copy in copies}
            keys = [
                each.idempotency_key for each in transactions if each.order_factory_id in copy_keys
            ]
            kinds = [done[key] for key in keys if key in done]
            counts = (kinds.count("authorize"), kinds.count("void"))
            orders = {copy.target_order_id for copy in copies}
            own_transactions = [each for each in transactions if each.order_id in orders]
            if not person.active and any(each.customer_action for each in own_transactions):
                yield f"{name}: a payment can still be confirmed"
            if counts != (person.charges, person.voids):
                yield f"{name}: {counts} instead of {(person.charges, person.voids)}"
            placed = [
                row
                for row in self._shop.rows(Order, customer_id=person.customer, status="placed")
                if row.order_factory_id is not None
            ]
            if len(placed) != sum(period.paid for period in person.periods):
                yield f"{name}: {len(placed)} orders are placed"


def pull(key: int) -> None:
    """The customer cancels the subscription."""
    with begin() as db:
        apply_trigger(db, key, Trigger.CANCEL, utc_now())


@contextmanager
def cancel_during_payment(during: dict[int, str]) -> Iterator[None]:
    """Within the block, these subscriptions are cancelled at a step of the payment."""
    authorize, copy = TestGateway.authorize, copy_batch

    def ask(self: TestGateway, request: GatewayRequest) -> Answer:
        answer = authorize(self, request)
        key = subscription_of(request.order)
        if during.get(key) == AT_THE_GATEWAY:
            pull(key)
        return answer

    def copy_and_cancel(batch_id: int) -> list[int]:
        stuck = copy(batch_id)
        for key, step in during.items():
            if step == UNDER_WAY:
                pull(key)
        return stuck

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TestGateway, "authorize", ask)
        patch.setattr(subscriptions, "copy_batch", copy_and_cancel)
        yield


def subscription_of(order: str) -> int:
    """The key of the subscription that an order is a copy for."""
    factory = table_of(OrderFactory)
    condition = factory.c.target_order_id == parse_public_id(Resource.orders, order)
    with reading() as db:
        return int(
            db.execute(select(factory.c.order_subscription_id).where(condition)).scalar_one()
        )
