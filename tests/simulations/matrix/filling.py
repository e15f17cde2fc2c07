"""The matrix as rows of a shop."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, insert

from order_factory.models import tables
from order_factory.tasks.working_set.order_totals import update_order_totals
from tests.simulations.matrix.spec import COUPONS, CUSTOMERS, FUTURE, PAST, PROMOTIONS, SKUS, Source
from tests.support.shop import SOME_DAY


def fill(db: Connection, sources: Sequence[Source]) -> None:
    """Put the catalogue, the promotions, the customers and the orders into an empty shop."""
    _fill_catalogue(db)
    customers = _keys(
        db,
        tables.Customer,
        [{"email": f"{n}@shop.example", "status": s} for n, s in CUSTOMERS.items()],
    )
    by_name = dict(zip(CUSTOMERS, customers, strict=True))
    where = {"line_1": "1 Test Street", "city": "Testville"}
    here, abroad = _keys(
        db, tables.Address, [{**where, "country_code": code} for code in ("IT", "DE")]
    )
    orders = _keys(
        db,
        tables.Order,
        [
            {
                "number": source.number,
                "status": "placed",
                "placed_at": SOME_DAY,
                "customer_id": by_name.get(source.customer or ""),
                "customer_email": source.customer and f"{source.customer}@shop.example",
                "currency_code": source.currency,
                "coupon_code": source.coupon,
                "tax_included": source.tax_included,
                "tax_rate": source.tax_rate,
                "billing_address_id": here if source.billing else None,
                "shipping_address_id": {"here": here, "abroad": abroad}.get(source.shipping or ""),
                "shipping_country_code_lock": "IT",
                "payment_source_id": _card(db, source, by_name),
            }
            for source in sources
        ],
    )
    for order_id, source in zip(orders, sources, strict=True):
        _fill_lines(db, order_id, source)
        update_order_totals(db, order_id)


def _fill_catalogue(db: Connection) -> None:
    keys = _keys(
        db,
        tables.Sku,
        [
            {
                "code": sku.code,
                "name": sku.code,
                "purchasable": sku.purchasable,
                "do_not_ship": sku.do_not_ship,
                "do_not_track": sku.do_not_track,
            }
            for sku in SKUS
        ],
    )
    for key, sku in zip(keys, SKUS, strict=True):
        _keys(
            db,
            tables.StockItem,
            [{"sku_id": key, "stock_location": "main", "quantity": sku.stock}],
        )
        for currency, cents in sku.prices:
            _keys(
                db,
                tables.Price,
                [{"sku_id": key, "currency_code": currency, "amount_cents": cents}],
            )
    promotions = {}
    for promotion in PROMOTIONS:
        values = asdict(promotion)
        listed = values.pop("sku_list")
        if listed is not None:
            (list_id,) = _keys(db, tables.SkuList, [{"name": promotion.name}])
            _keys(
                db,
                tables.SkuListItem,
                [{"sku_list_id": list_id, "sku_code": code} for code in listed],
            )
            values["sku_list_id"] = list_id
        (promotions[promotion.name],) = _keys(db, tables.Promotion, [values])
    for coupon in COUPONS:
        values = asdict(coupon)
        values["promotion_id"] = promotions[values.pop("promotion")]
        _keys(db, tables.Coupon, [values])


def _card(db: Connection, source: Source, customers: dict[str, int]) -> int | None:
    """The payment source of the order, in the wallet where it belongs."""
    expires_at = PAST if source.card == "expired" else FUTURE
    kind = {"payment_source_type": "stripe_payments", "expires_at": expires_at}
    (key,) = _keys(db, tables.PaymentSource, [kind])
    owner = customers["other"] if source.card == "foreign" else customers.get(source.customer or "")
    if owner is not None and source.card != "unsaved":
        _keys(db, tables.CustomerPaymentSource, [{"customer_id": owner, "payment_source_id": key}])
    return key


def _fill_lines(db: Connection, order_id: int, source: Source) -> None:
    if not source.lines:
        return
    keys = _keys(
        db,
        tables.LineItem,
        [
            {
                "order_id": order_id,
                "item_type": line.item_type,
                "sku_code": line.sku_code,
                "quantity": line.quantity,
                "unit_amount_cents": line.unit,
                "total_amount_cents": line.total,
                "tax_amount_cents": line.tax,
                "tax_rate": line.rate,
                "discount_cents": line.discount,
                "coupon_code": line.coupon,
                "currency_code": line.currency,
            }
            for line in source.lines
        ],
    )
    for key, line in zip(keys, source.lines, strict=True):
        for cents in line.options:
            _keys(
                db,
                tables.LineItemOption,
                [{"line_item_id": key, "quantity": 1, "total_amount_cents": cents}],
            )


def _keys(db: Connection, table: type[tables.Base], rows: list[dict[str, Any]]) -> list[int]:
    made = insert(table).returning(table.__table__.c.id, sort_by_parameter_order=True)
    return list(db.execute(made, rows).scalars())
