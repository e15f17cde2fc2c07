"""A shop with every kind of copy in it, and the names by which tests call its rows."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import insert

from order_factory.models.database.engine import begin
from order_factory.models.tables import (
    CopyError,
    Coupon,
    Event,
    EventCallback,
    Export,
    GiftCard,
    GiftCardUse,
    Import,
    LineItem,
    LineItemOption,
    Order,
    OrderFactory,
    OrderSubscription,
    PaymentMethod,
    PaymentSource,
    Promotion,
    Sku,
    StockItem,
    StockReservation,
    StoredFile,
    StoredFilePiece,
    Transaction,
    Webhook,
)
from order_factory.models.tables.base import utc_now
from order_factory.tasks.authorize_payments import authorize_payments
from order_factory.tasks.batches.records import finish_batch, start_batch
from order_factory.tasks.copying.engine import copy_claimed
from order_factory.tasks.payments.claiming import Scope
from order_factory.tasks.webhooks.outbox import Outbox
from order_factory.tasks.working_set.claims import claim_factory
from tests.support.copying import batch_of, change, copy_batch, request
from tests.support.orders import acted, open_order
from tests.support.paying import payable
from tests.support.shop import SOME_DAY, Shop
from tests.support.subscriptions import START, run_due, subscribe

Keys = dict[str, Any]


def fill(shop: Shop) -> Keys:
    """Fill an empty shop; the keys of its rows by name.

    A copy's name is its factory's; with a suffix it is one of the copy's other rows: `_source`,
    `_source_billing`, `_source_payment`, `_target`, `_line` (the target's first), `_origin` (what that was copied from), `_option`,
    `_billing`, `_shipping`, `_payment`, `_saved` (what that was copied from), `_customer`,
    `_method`, `_batch`, `_subscription`, `_error` (the first), `_line_error` (the first about a line).
    """
    webhook = _subscribed()
    copies = {
        "plain": request(_plain(shop), keep_metadata="all"),
        "placed": request(_with_every_kind_of_line(shop), place_target_order=True),
        "free": request(shop.order(lines=[("MUG", 1, 0)]), place_target_order=True),
        "failed": request(_wrong(shop)),
        "skipped": request(_wrong_in_part(shop), skip_errors=True),
        "unplaceable": request(shop.order(), place_target_order=True),
        "excused": request(shop.order(), place_target_order=True, skip_errors=True),
        "guest": request(_of_a_guest(shop)),
        "barred": request(_of_a_blocked_customer(shop), skip_errors=True),
        "nameless": request(shop.order(customer_email="")),
        "unsaved": request(shop.order(payment_source_id=shop.payment_source())),
        "unwanted": request(_with_card(shop), reuse_wallet=False),
        "expired": request(_with_card(shop, expires_at=SOME_DAY), skip_errors=True),
        "first": request(_with_card(shop)),
        "promoted": request(_promoted(shop), apply_promotions=True),
        "refreshed": request(_refreshed(shop), refresh_prices=True),
        "ignored": request(_with_a_bad_coupon(shop), ignore_invalid_coupon=True),
        "couponless": request(_with_a_bad_coupon(shop), skip_errors=True),
    }
    _copy_as_batch(copies.values())
    copies["again"] = request(_target_of(shop, copies["first"]))
    copies["tested"] = request(_in_test_mode(shop))
    copies["retry"] = _retry_of(shop, copies["failed"])
    for alone in ("again", "tested", "retry"):
        _copy_alone(copies[alone])
    copies |= _renewals(shop)
    copies["pending"] = request(shop.order())
    batch_of([copies["pending"]])
    copies["aborted"] = _aborted(request(shop.order()))
    for name, token in (("paid", "tok_1"), ("original", "tok_2"), ("placing", "tok_unreachable")):
        copies[name] = request(payable(shop, token), place_target_order=True)
        _pay(copies[name])
    original = _target_of(shop, copies["original"])
    copies["replaced"] = request(original, place_target_order=True, cancel_source_order=True)
    _pay(copies["replaced"])
    shop.gift_card("GIFT-CARD", 90_00)
    carded = _with_card(shop, lines=[("MUG", 1, 50_00)])
    shop.redeem(carded, "GIFT-CARD", 40_00)
    copies["carded"] = request(carded, place_target_order=True)
    _copy_alone(copies["carded"])
    (mug,) = shop.rows(Sku, code="MUG", mode="live")
    stock = {
        "mug_stock": shop.row(StockItem, sku_id=mug.id).id,
        "paid_reservation": shop.row(
            StockReservation, order_id=_target_of(shop, copies["paid"])
        ).id,
        "gift_card": shop.row(GiftCard).id,
        "gift_card_use": shop.row(GiftCardUse).id,
        "void": shop.row(Transaction, type="voids").id,
        "refunded_order": _refunded(shop),
        "paid_authorization": shop.row(
            Transaction, order_id=_target_of(shop, copies["paid"]), type="authorizations"
        ).id,
        "tenth": shop.row(Coupon, code="TENTH").id,
        "tenth_promotion": shop.row(Promotion, reference="tenth").id,
    }
    subscriptions = {
        f"{name}_subscription": shop.row(OrderFactory, id=copies[name]).order_subscription_id
        for name in ("renewed", "declined")
    }
    return (
        subscriptions
        | _delivered(shop, webhook)
        | _transferred(shop)
        | stock
        | {
            name: key
            for copy, factory in copies.items()
            for name, key in _keys(shop, copy, factory).items()
        }
    )


def _subscribed() -> int:
    """A webhook of test mode, which has one completed copy."""
    values = {"topic": "order_copies.complete", "mode": "test", "shared_secret": "0" * 64}
    statement = insert(Webhook).values(values | {"callback_url": "https://shop.example/hooks"})
    with begin() as db:
        return int(db.execute(statement.returning(Webhook.id)).scalar_one())


def _delivered(shop: Shop, webhook: int) -> Keys:
    """The webhook's one delivery, which was answered."""
    Outbox().fan_out()
    delivery = shop.row(EventCallback)
    change(EventCallback, delivery.id, status="delivered", tries=1, ended_at=utc_now())
    return {"webhook": webhook, "delivered": delivery.id, "delivered_event": delivery.event_id}


def _transferred(shop: Shop) -> Keys:
    """A finished export with its file, and a finished import."""
    now = utc_now()
    common = {
        "resource_type": "skus",
        "status": "completed",
        "started_at": now,
        "completed_at": now,
        "mode": "test",
    }
    file = shop.add(StoredFile, name="skus.json", bytes_count=2, sha256="0" * 64)
    for number in (1, 2):
        shop.add(StoredFilePiece, file_id=file, number=number, content=b"x")
    counts = {"processed_count": 2, "inputs_size": 2, "imported_count": 1, "errors_count": 1}
    return {
        "export": shop.add(Export, **common, file_id=file, records_count=3, total_count=3),
        "export_file": file,
        "import": shop.add(Import, **common, **counts, errors_log={"2": {}}),
    }


def _refunded(shop: Shop) -> int:
    """An order of the shop's own that was placed, captured and refunded in part."""
    order = open_order(shop)
    assert acted("place", order) == []
    assert acted("capture", order) == []
    assert acted("refund", order, amount_cents=2_50) == []
    return order


def _plain(shop: Shop) -> int:
    method = shop.add(PaymentMethod, payment_source_type="stripe_payments", name="Card")
    order_id = _with_card(
        shop,
        lines=[("MUG", 2, 12_50), ("CAP", 1, 9_00)],
        payment_method_id=method,
        metadata={"gift": True},
    )
    shop.option(shop.rows(LineItem, order_id=order_id)[0].id, options={"text": "Ada"})
    return order_id


def _with_every_kind_of_line(shop: Shop) -> int:
    order_id = _with_card(
        shop, billing_address_id=shop.address(country_code="FR"), tax_included=False
    )
    for item_type, cents in (
        ("bundles", 30_00),
        ("gift_cards", 10_00),
        ("gift_cards", -4_00),
        ("shipments", 5_00),
        ("payment_methods", 1_00),
        ("adjustments", -50),
        ("percentage_discount_promotions", -2_00),
        ("discount_engine_items", -1_00),
    ):
        shop.line(order_id, item_type=item_type, unit_amount_cents=cents, tax_amount_cents=7)
    return order_id


def _wrong(shop: Shop) -> int:
    order_id = shop.order(lines=[("MUG", 0, 12_50)], billing_address_id=None)
    shop.line(order_id, sku_code="GONE")
    return order_id


def _wrong_in_part(shop: Shop) -> int:
    """A line that is right, one whose SKU is gone, one too many for the stock; a foreign address."""
    shop.sku("RARE", stock=1)
    order_id = shop.order(
        lines=[("MUG", 1, 12_50), ("RARE", 5, 1_00)],
        shipping_address_id=shop.address(country_code="DE"),
        shipping_country_code_lock="IT",
    )
    shop.line(order_id, sku_code="GONE")
    return order_id


def _of_a_guest(shop: Shop) -> int:
    order_id = shop.order(guest=True)
    change(Order, order_id, customer_id=None)
    return order_id


def _of_a_blocked_customer(shop: Shop) -> int:
    customer = shop.customer(status="blocked")
    card = shop.payment_source(wallet_of=customer)
    return shop.order(customer_id=customer, payment_source_id=card)


def _promoted(shop: Shop) -> int:
    """An order with a coupon of today, and a promotion of yesterday that it keeps no line of."""
    promotion = shop.promotion(percentage=10, coupon_required=True, reference="tenth")
    shop.add(Coupon, promotion_id=promotion, code="TENTH")
    shop.promotion(type="free_shipping_promotions", percentage=None)
    order_id = shop.order(lines=[("MUG", 3, 3_33), ("CAP", 1, 1_01)], coupon_code="TENTH")
    shop.line(order_id, item_type="shipments", unit_amount_cents=5_00, tax_amount_cents=90)
    shop.line(order_id, item_type="fixed_amount_promotions", unit_amount_cents=-2_00)
    return order_id


def _refreshed(shop: Shop) -> int:
    shop.price("INK", 4_00)
    order_id = shop.order(lines=[("INK", 2, 3_00)], metadata={"gift": True})
    shop.option(shop.rows(LineItem, order_id=order_id)[0].id, total_amount_cents=50)
    return order_id


def _with_a_bad_coupon(shop: Shop) -> int:
    order_id = shop.order(coupon_code="GONE")
    shop.line(
        order_id, item_type="discount_engine_items", unit_amount_cents=-2_00, coupon_code="GONE"
    )
    return order_id


def _with_card(shop: Shop, expires_at: Any = None, **values: Any) -> int:
    customer = shop.customer()
    card = shop.payment_source(wallet_of=customer, expires_at=expires_at)
    return shop.order(customer_id=customer, payment_source_id=card, **values)


def _in_test_mode(shop: Shop) -> int:
    customer, address = shop.customer(mode="test"), shop.address(mode="test")
    return shop.order(
        mode="test",
        customer_id=customer,
        billing_address_id=address,
        shipping_address_id=address,
        payment_source_id=shop.payment_source(wallet_of=customer, mode="test"),
    )


def _renewals(shop: Shop) -> Keys:
    """Copies of subscriptions: made at once, and failed, then failed again and to be repeated."""
    renewed = subscribe(shop, frequency="daily")
    declined = subscribe(shop, shop.order(), frequency="daily", retry_after="1d 1d")
    run_due(START + timedelta(days=1))
    change(OrderSubscription, [renewed, declined], next_run_at=START + timedelta(days=9))
    run_due(START + timedelta(days=2))
    (copy,) = shop.rows(OrderFactory, order_subscription_id=renewed)
    first, again = shop.rows(OrderFactory, order_subscription_id=declined)
    return {"renewed": copy.id, "declined": first.id, "declined_again": again.id}


def _aborted(factory_id: int) -> int:
    change(OrderFactory, factory_id, status="aborted")
    with begin() as db:
        event = {"name": "order_factories.abort", "order_factory_id": factory_id}
        db.execute(insert(Event).values(event | {"created_at": utc_now()}))
    return factory_id


def _retry_of(shop: Shop, factory_id: int) -> int:
    retry = request(int(shop.row(OrderFactory, id=factory_id).source_order_id))
    change(OrderFactory, retry, retry_of_id=factory_id)
    return retry


def _target_of(shop: Shop, factory_id: int) -> int:
    return int(shop.row(OrderFactory, id=factory_id).target_order_id)


def _copy_alone(factory_id: int) -> None:
    with begin() as db:
        assert copy_claimed(db, claim_factory(db, factory_id), None).stuck == []


def _pay(factory_id: int) -> None:
    """Copy it alone and ask the gateway, and once more about what follows from the answer."""
    _copy_alone(factory_id)
    authorize_payments.fn(Scope(factory_id=factory_id))


def _copy_as_batch(factories: Iterable[int]) -> None:
    batch_id = batch_of(factories)
    with begin() as db:
        start_batch(db, batch_id, None)
    assert copy_batch(batch_id) == []
    with begin() as db:
        finish_batch(db, batch_id)


def _keys(shop: Shop, copy: str, factory_id: int) -> Keys:
    factory = shop.row(OrderFactory, id=factory_id)
    source = shop.row(Order, id=factory.source_order_id)
    errors = shop.rows(CopyError, order_factory_id=factory_id)
    about_lines = [error for error in errors if error.line_item_id is not None]
    keys = {
        "source": source.id,
        "source_billing": source.billing_address_id,
        "source_payment": source.payment_source_id,
        "batch": factory.batch_id,
        "error": _first(errors).id if errors else None,
        "line_error": _first(about_lines).id if about_lines else None,
    }
    if factory.target_order_id is not None:
        keys |= _target_keys(shop, factory.target_order_id)
    return {copy: factory_id} | {f"{copy}_{name}": key for name, key in keys.items()}


def _target_keys(shop: Shop, target_id: int) -> Keys:
    target = shop.row(Order, id=target_id)
    line = _first(shop.rows(LineItem, order_id=target_id))
    options = shop.rows(LineItemOption, line_item_id=line.id)
    payments = shop.rows(PaymentSource, id=target.payment_source_id)
    return {
        "target": target_id,
        "line": line.id,
        "origin": line.copied_from_id,
        "option": _first(options).id if options else None,
        "billing": target.billing_address_id,
        "shipping": target.shipping_address_id,
        "payment": target.payment_source_id,
        "saved": _first(payments).copied_from_id if payments else None,
        "customer": target.customer_id,
        "method": target.payment_method_id,
    }


def _first(rows: Sequence[Any]) -> Any:
    return rows[0]
