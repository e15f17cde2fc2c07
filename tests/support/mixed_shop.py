"""A shop with every kind of copy, and a name for each row."""

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
from tests.support.copying import change, copy_batch, make_batch, request_copy
from tests.support.orders import change_and_ask, make_open_order
from tests.support.paying import make_payable_order
from tests.support.shop import SOME_DAY, Shop
from tests.support.subscriptions import START, run_due, subscribe

Keys = dict[str, Any]


def fill(shop: Shop) -> Keys:
    """Fill an empty shop; returns the keys of its rows by name.

    The name of a copy is that of its factory. With a suffix, it is the name of another row:

    - the source order: `_source`, `_source_billing`, `_source_payment`
    - the target order: `_target`, `_billing`, `_shipping`, `_payment`, `_customer`, `_method`
    - the target's first line: `_line`, its source line `_origin`, its `_option`
    - the saved payment source that was copied: `_saved`
    - the factory's rows: `_batch`, `_subscription`, its first `_error`, its first `_line_error`
    """
    webhook = _make_webhook()
    copies = {
        "plain": request_copy(_make_plain_order(shop), keep_metadata="all"),
        "placed": request_copy(_make_order_with_every_line(shop), place_target_order=True),
        "free": request_copy(shop.order(lines=[("MUG", 1, 0)]), place_target_order=True),
        "failed": request_copy(_make_wrong_order(shop)),
        "skipped": request_copy(_make_partly_wrong_order(shop), skip_errors=True),
        "unplaceable": request_copy(shop.order(), place_target_order=True),
        "excused": request_copy(shop.order(), place_target_order=True, skip_errors=True),
        "guest": request_copy(_make_guest_order(shop)),
        "barred": request_copy(_make_order_of_blocked_customer(shop), skip_errors=True),
        "nameless": request_copy(shop.order(customer_email="")),
        "unsaved": request_copy(shop.order(payment_source_id=shop.payment_source())),
        "unwanted": request_copy(_make_order_with_card(shop), reuse_wallet=False),
        "expired": request_copy(_make_order_with_card(shop, expires_at=SOME_DAY), skip_errors=True),
        "first": request_copy(_make_order_with_card(shop)),
        "promoted": request_copy(_make_promoted_order(shop), apply_promotions=True),
        "refreshed": request_copy(_make_order_with_new_price(shop), refresh_prices=True),
        "ignored": request_copy(_make_order_with_bad_coupon(shop), ignore_invalid_coupon=True),
        "couponless": request_copy(_make_order_with_bad_coupon(shop), skip_errors=True),
    }
    _copy_as_batch(copies.values())
    copies["again"] = request_copy(_find_target(shop, copies["first"]))
    copies["tested"] = request_copy(_make_test_order(shop))
    copies["retry"] = _make_retry(shop, copies["failed"])
    for alone in ("again", "tested", "retry"):
        _copy_single(copies[alone])
    copies |= _make_renewals(shop)
    copies["pending"] = request_copy(shop.order())
    make_batch([copies["pending"]])
    copies["aborted"] = _abort_factory(request_copy(shop.order()))
    for name, token in (("paid", "tok_1"), ("original", "tok_2"), ("placing", "tok_unreachable")):
        copies[name] = request_copy(make_payable_order(shop, token), place_target_order=True)
        _copy_and_pay(copies[name])
    original = _find_target(shop, copies["original"])
    copies["replaced"] = request_copy(original, place_target_order=True, cancel_source_order=True)
    _copy_and_pay(copies["replaced"])
    shop.gift_card("GIFT-CARD", 90_00)
    carded = _make_order_with_card(shop, lines=[("MUG", 1, 50_00)])
    shop.redeem(carded, "GIFT-CARD", 40_00)
    copies["carded"] = request_copy(carded, place_target_order=True)
    _copy_single(copies["carded"])
    (mug,) = shop.rows(Sku, code="MUG", mode="live")
    stock = {
        "mug_stock": shop.row(StockItem, sku_id=mug.id).id,
        "paid_reservation": shop.row(
            StockReservation, order_id=_find_target(shop, copies["paid"])
        ).id,
        "gift_card": shop.row(GiftCard).id,
        "gift_card_use": shop.row(GiftCardUse).id,
        "void": shop.row(Transaction, type="voids").id,
        "refunded_order": _make_refunded_order(shop),
        "paid_authorization": shop.row(
            Transaction, order_id=_find_target(shop, copies["paid"]), type="authorizations"
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
        | _make_delivery(shop, webhook)
        | _make_transfers(shop)
        | stock
        | {
            name: key
            for copy, factory in copies.items()
            for name, key in _find_keys(shop, copy, factory).items()
        }
    )


def _make_webhook() -> int:
    """Make a webhook of the mode test, which has one completed copy."""
    values = {"topic": "order_copies.complete", "mode": "test", "shared_secret": "0" * 64}
    statement = insert(Webhook).values(values | {"callback_url": "https://shop.example/hooks"})
    with begin() as db:
        return int(db.execute(statement.returning(Webhook.id)).scalar_one())


def _make_delivery(shop: Shop, webhook: int) -> Keys:
    """Make the only delivery of the webhook, and record its answer."""
    Outbox().make_deliveries()
    delivery = shop.row(EventCallback)
    change(EventCallback, delivery.id, status="delivered", tries=1, ended_at=utc_now())
    return {"webhook": webhook, "delivered": delivery.id, "delivered_event": delivery.event_id}


def _make_transfers(shop: Shop) -> Keys:
    """Make a finished export with its file, and a finished import."""
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


def _make_refunded_order(shop: Shop) -> int:
    """Make an order that is no copy, place and capture it, and refund a part."""
    order = make_open_order(shop)
    assert change_and_ask("place", order) == []
    assert change_and_ask("capture", order) == []
    assert change_and_ask("refund", order, amount_cents=2_50) == []
    return order


def _make_plain_order(shop: Shop) -> int:
    method = shop.add(PaymentMethod, payment_source_type="stripe_payments", name="Card")
    order_id = _make_order_with_card(
        shop,
        lines=[("MUG", 2, 12_50), ("CAP", 1, 9_00)],
        payment_method_id=method,
        metadata={"gift": True},
    )
    shop.option(shop.rows(LineItem, order_id=order_id)[0].id, options={"text": "Ada"})
    return order_id


def _make_order_with_every_line(shop: Shop) -> int:
    order_id = _make_order_with_card(
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


def _make_wrong_order(shop: Shop) -> int:
    order_id = shop.order(lines=[("MUG", 0, 12_50)], billing_address_id=None)
    shop.line(order_id, sku_code="GONE")
    return order_id


def _make_partly_wrong_order(shop: Shop) -> int:
    """Make an order with a foreign address, and one valid line.

    A second line has an unknown SKU, and a third one too many pieces for the stock.
    """
    shop.sku("RARE", stock=1)
    order_id = shop.order(
        lines=[("MUG", 1, 12_50), ("RARE", 5, 1_00)],
        shipping_address_id=shop.address(country_code="DE"),
        shipping_country_code_lock="IT",
    )
    shop.line(order_id, sku_code="GONE")
    return order_id


def _make_guest_order(shop: Shop) -> int:
    order_id = shop.order(guest=True)
    change(Order, order_id, customer_id=None)
    return order_id


def _make_order_of_blocked_customer(shop: Shop) -> int:
    customer = shop.customer(status="blocked")
    card = shop.payment_source(wallet_of=customer)
    return shop.order(customer_id=customer, payment_source_id=card)


def _make_promoted_order(shop: Shop) -> int:
    """Make an order with a valid coupon, and a line of an earlier promotion that no copy has."""
    promotion = shop.promotion(percentage=10, coupon_required=True, reference="tenth")
    shop.add(Coupon, promotion_id=promotion, code="TENTH")
    shop.promotion(type="free_shipping_promotions", percentage=None)
    order_id = shop.order(lines=[("MUG", 3, 3_33), ("CAP", 1, 1_01)], coupon_code="TENTH")
    shop.line(order_id, item_type="shipments", unit_amount_cents=5_00, tax_amount_cents=90)
    shop.line(order_id, item_type="fixed_amount_promotions", unit_amount_cents=-2_00)
    return order_id


def _make_order_with_new_price(shop: Shop) -> int:
    shop.price("INK", 4_00)
    order_id = shop.order(lines=[("INK", 2, 3_00)], metadata={"gift": True})
    shop.option(shop.rows(LineItem, order_id=order_id)[0].id, total_amount_cents=50)
    return order_id


def _make_order_with_bad_coupon(shop: Shop) -> int:
    order_id = shop.order(coupon_code="GONE")
    shop.line(
        order_id, item_type="discount_engine_items", unit_amount_cents=-2_00, coupon_code="GONE"
    )
    return order_id


def _make_order_with_card(shop: Shop, expires_at: Any = None, **values: Any) -> int:
    customer = shop.customer()
    card = shop.payment_source(wallet_of=customer, expires_at=expires_at)
    return shop.order(customer_id=customer, payment_source_id=card, **values)


def _make_test_order(shop: Shop) -> int:
    customer, address = shop.customer(mode="test"), shop.address(mode="test")
    return shop.order(
        mode="test",
        customer_id=customer,
        billing_address_id=address,
        shipping_address_id=address,
        payment_source_id=shop.payment_source(wallet_of=customer, mode="test"),
    )


def _make_renewals(shop: Shop) -> Keys:
    """Make renewals: one completes, another one fails twice and has a further retry."""
    renewed = subscribe(shop, frequency="daily")
    declined = subscribe(shop, shop.order(), frequency="daily", retry_after="1d 1d")
    run_due(START + timedelta(days=1))
    change(OrderSubscription, [renewed, declined], next_run_at=START + timedelta(days=9))
    run_due(START + timedelta(days=2))
    (copy,) = shop.rows(OrderFactory, order_subscription_id=renewed)
    first, again = shop.rows(OrderFactory, order_subscription_id=declined)
    return {"renewed": copy.id, "declined": first.id, "declined_again": again.id}


def _abort_factory(factory_id: int) -> int:
    change(OrderFactory, factory_id, status="aborted")
    with begin() as db:
        event = {"name": "order_factories.abort", "order_factory_id": factory_id}
        db.execute(insert(Event).values(event | {"created_at": utc_now()}))
    return factory_id


def _make_retry(shop: Shop, factory_id: int) -> int:
    retry = request_copy(int(shop.row(OrderFactory, id=factory_id).source_order_id))
    change(OrderFactory, retry, retry_of_id=factory_id)
    return retry


def _find_target(shop: Shop, factory_id: int) -> int:
    return int(shop.row(OrderFactory, id=factory_id).target_order_id)


def _copy_single(factory_id: int) -> None:
    with begin() as db:
        assert copy_claimed(db, claim_factory(db, factory_id), None).stuck == []


def _copy_and_pay(factory_id: int) -> None:
    """Copy the factory as a single copy, and authorize its payment."""
    _copy_single(factory_id)
    authorize_payments.fn(Scope(factory_id=factory_id))


def _copy_as_batch(factories: Iterable[int]) -> None:
    batch_id = make_batch(factories)
    with begin() as db:
        start_batch(db, batch_id, None)
    assert copy_batch(batch_id) == []
    with begin() as db:
        finish_batch(db, batch_id)


def _find_keys(shop: Shop, copy: str, factory_id: int) -> Keys:
    factory = shop.row(OrderFactory, id=factory_id)
    source = shop.row(Order, id=factory.source_order_id)
    errors = shop.rows(CopyError, order_factory_id=factory_id)
    about_lines = [error for error in errors if error.line_item_id is not None]
    keys = {
        "source": source.id,
        "source_billing": source.billing_address_id,
        "source_payment": source.payment_source_id,
        "batch": factory.batch_id,
        "error": _get_first(errors).id if errors else None,
        "line_error": _get_first(about_lines).id if about_lines else None,
    }
    if factory.target_order_id is not None:
        keys |= _find_target_keys(shop, factory.target_order_id)
    return {copy: factory_id} | {f"{copy}_{name}": key for name, key in keys.items()}


def _find_target_keys(shop: Shop, target_id: int) -> Keys:
    target = shop.row(Order, id=target_id)
    line = _get_first(shop.rows(LineItem, order_id=target_id))
    options = shop.rows(LineItemOption, line_item_id=line.id)
    payments = shop.rows(PaymentSource, id=target.payment_source_id)
    return {
        "target": target_id,
        "line": line.id,
        "origin": line.copied_from_id,
        "option": _get_first(options).id if options else None,
        "billing": target.billing_address_id,
        "shipping": target.shipping_address_id,
        "payment": target.payment_source_id,
        "saved": _get_first(payments).copied_from_id if payments else None,
        "customer": target.customer_id,
        "method": target.payment_method_id,
    }


def _get_first(rows: Sequence[Any]) -> Any:
    return rows[0]
