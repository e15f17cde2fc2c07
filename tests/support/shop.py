"""A shop for tests: factories with defaults for everything that a test does not need."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from order_factory.models.database.engine import begin, reading
from order_factory.models.tables import (
    Address,
    Bundle,
    BundleItem,
    Coupon,
    Customer,
    CustomerPaymentSource,
    GiftCard,
    LineItem,
    LineItemOption,
    Order,
    PaymentSource,
    Price,
    Promotion,
    Sku,
    StockItem,
)
from order_factory.models.tables.base import Base, utc_now
from order_factory.models.values.keys import comparison_key
from order_factory.tasks.working_set.order_totals import update_order_totals
from order_factory.tasks.working_set.statements import table_of

SOME_DAY = datetime(2026, 1, 15, 12, tzinfo=UTC)


class Shop:
    """Inserts rows, in a transaction for each call, and reads them. Returns keys, not objects."""

    def __init__(self) -> None:
        self._numbers = count(1001)

    def add(self, table: type[Base], **values: Any) -> int:
        """Insert one row; returns its key."""
        with begin() as db:
            return _add(db, table, values)

    def rows(self, table: type[Base], **equal: Any) -> list[Row[Any]]:
        """The rows with these values, in the order of their keys."""
        query = select(table.__table__).order_by(table.__table__.c.id)
        for name, value in equal.items():
            query = query.where(table.__table__.c[name] == value)
        with reading() as db:
            return list(db.execute(query).all())

    def row(self, table: type[Base], **equal: Any) -> Row[Any]:
        """The only row with these values."""
        (row,) = self.rows(table, **equal)
        return row

    def customer(self, **values: Any) -> int:
        email = f"customer-{next(self._numbers)}@shop.example"
        return self.add(Customer, **{"email": email, **values})

    def address(self, **values: Any) -> int:
        defaults = {"line_1": "1 Test Street", "city": "Testville", "country_code": "IT"}
        return self.add(Address, **{**defaults, **values})

    def sku(self, code: str, *, stock: int | None = 1000, **values: Any) -> int:
        """Add a SKU with this stock in one location. `stock=None` adds no stock item."""
        sku_id = self.add(Sku, **{"code": code, "name": f"Test {code}", **values})
        if stock is not None:
            mode = values.get("mode", "live")
            self.add(StockItem, sku_id=sku_id, stock_location="main", quantity=stock, mode=mode)
        return sku_id

    def bundle(self, code: str, parts: Mapping[str, int], **values: Any) -> int:
        """Add a bundle with these quantities of SKUs. Missing SKUs are not added to the catalogue."""
        bundle_id = self.add(Bundle, **{"code": code, **values})
        for sku_code, quantity in parts.items():
            self.add(BundleItem, bundle_id=bundle_id, sku_code=sku_code, quantity=quantity)
        return bundle_id

    def payment_source(self, *, wallet_of: int | None = None, **values: Any) -> int:
        """Add a card. `wallet_of` is the customer whose wallet gets it."""
        defaults = {
            "payment_source_type": "stripe_payments",
            "name": "XXXX-XXXX-XXXX-1111",
            "payment_source_token": f"pm_test_{next(self._numbers)}",
        }
        source_id = self.add(PaymentSource, **{**defaults, **values})
        if wallet_of is not None:
            mode = values.get("mode", "live")
            self.add(
                CustomerPaymentSource,
                customer_id=wallet_of,
                payment_source_id=source_id,
                mode=mode,
            )
        return source_id

    def order(
        self,
        *,
        lines: Sequence[tuple[str, int, int]] = (("MUG", 1, 12_50),),
        catalogued: bool = True,
        **values: Any,
    ) -> int:
        """Add a placed order that can be copied: a customer, both addresses, and these lines.

        A line is (SKU code, quantity, unit amount in cents). Missing SKUs are added to the
        catalogue, with enough stock, unless `catalogued` is false.
        """
        amounts = {name: cents for name, cents in values.items() if name.endswith("_cents")}
        customer_id = values.pop("customer_id", None) or self.customer()
        address_id = self.address()
        total = sum(quantity * amount for _, quantity, amount in lines)
        defaults = {
            "number": str(next(self._numbers)),
            "status": "placed",
            "payment_status": "paid",
            "placed_at": SOME_DAY,
            "customer_id": customer_id,
            "customer_email": "buyer@shop.example",
            "currency_code": "EUR",
            "billing_address_id": address_id,
            "shipping_address_id": address_id,
            "subtotal_amount_cents": total,
            "total_amount_cents": total,
            "total_amount_with_taxes_cents": total,
        }
        mode = values.get("mode", "live")
        for code in dict.fromkeys(code for code, _, _ in lines) if catalogued else ():
            if not self.rows(Sku, code=code, mode=mode):
                self.sku(code, mode=mode)
        with begin() as db:
            order_id = _add(db, Order, {**defaults, **values})
            order = _read_order(db, order_id)
            for code, quantity, amount in lines:
                line = {"sku_code": code, "quantity": quantity, "unit_amount_cents": amount}
                _add_line(db, order, line)
            if lines:
                _sum_up(db, order)
            if amounts:
                _change_order(db, order_id, amounts)
        return order_id

    def change_order(self, order_id: int, **values: Any) -> None:
        with begin() as db:
            _change_order(db, order_id, values)

    def order_of_test_mode(self, **values: Any) -> int:
        """Add an order of the mode test, with a customer and an address of this mode."""
        customer, address = self.customer(mode="test"), self.address(mode="test")
        places: dict[str, Any] = {"billing_address_id": address, "shipping_address_id": address}
        return self.order(**{"mode": "test", "customer_id": customer, **places, **values})

    def line(self, order_id: int, **values: Any) -> int:
        """Add a line to an order. Its total is quantity times unit amount, unless given.

        The order's amounts become the sums of its lines. Its status does not change.
        """
        with begin() as db:
            order = _read_order(db, order_id)
            line_id = _add_line(db, order, values)
            _sum_up(db, order)
        return line_id

    def sum_up(self, order_id: int) -> None:
        """Set the order's amounts to the sums of its lines."""
        with begin() as db:
            _sum_up(db, _read_order(db, order_id))

    def option(self, line_item_id: int, **values: Any) -> int:
        defaults = {"name": "Embossing", "quantity": 1, "total_amount_cents": 0}
        return self.add(LineItemOption, line_item_id=line_item_id, **{**defaults, **values})

    def price(self, code: str, amount_cents: int, currency_code: str = "EUR", **values: Any) -> int:
        """Add a price to a SKU. A missing SKU is added to the catalogue."""
        known = self.rows(Sku, code=code, mode=values.get("mode", "live"))
        sku_id = known[0].id if known else self.sku(code, mode=values.get("mode", "live"))
        price = {"amount_cents": amount_cents, "currency_code": currency_code}
        return self.add(Price, sku_id=sku_id, **price, **values)

    def promotion(self, **values: Any) -> int:
        """Add a promotion that is valid now: 10 percent off, unless another type is given."""
        now = utc_now()
        defaults = {
            "type": "percentage_discount_promotions",
            "name": f"Promotion {next(self._numbers)}",
            "percentage": 10
            if "percentage_discount" in values.get("type", "percentage_discount")
            else None,
            "starts_at": now - timedelta(days=1),
            "expires_at": now + timedelta(days=1),
        }
        return self.add(Promotion, **{**defaults, **values})

    def coupon(self, code: str, **values: Any) -> int:
        """Add a coupon to this promotion, or to a new one with 10 percent off."""
        if "promotion_id" not in values:
            values["promotion_id"] = self.promotion(
                coupon_required=True, mode=values.get("mode", "live")
            )
        return self.add(Coupon, code=code, **values)

    def gift_card(self, code: str, balance_cents: int, **values: Any) -> int:
        """Add an active gift card in EUR with this balance, of which nothing is used."""
        amounts = {"balance_cents": balance_cents, "initial_balance_cents": balance_cents}
        return self.add(GiftCard, **{"code": code, "currency_code": "EUR", **amounts, **values})

    def redeem(self, order_id: int, code: str | None, cents: int) -> None:
        """Record that a gift card with this code has paid a part of the order."""
        order = self.row(Order, id=order_id)
        self.line(
            order_id,
            item_type="gift_cards",
            name="Gift card",
            unit_amount_cents=-cents,
            updated_at=order.updated_at,
        )
        key = None if code is None else comparison_key(code)
        self.change_order(
            order_id, gift_card_code=code, gift_card_code_key=key, updated_at=order.updated_at
        )

    def number_of(self, order_id: int) -> str:
        """The order's number, as a person would give it."""
        return str(self.row(Order, id=order_id).number)


def _add(db: Connection, table: type[Base], values: Mapping[str, Any]) -> int:
    # The table, not the class: the class's attribute `metadata` is not the column.
    rows = table_of(table)
    row = insert(rows).values(**values).returning(rows.c.id)
    return int(db.execute(row).scalar_one())


def _read_order(db: Connection, order_id: int) -> Row[Any]:
    orders = table_of(Order)
    return db.execute(select(orders).where(orders.c.id == order_id)).one()


def _change_order(db: Connection, order_id: int, values: Mapping[str, Any]) -> None:
    orders = table_of(Order)
    db.execute(update(orders).where(orders.c.id == order_id).values(**values))


def _add_line(db: Connection, order: Row[Any], values: Mapping[str, Any]) -> int:
    defaults = {
        "item_type": "skus",
        "quantity": 1,
        "unit_amount_cents": 0,
        "currency_code": order.currency_code,
    }
    values = {**defaults, **values}
    total = values["quantity"] * values["unit_amount_cents"]
    return _add(db, LineItem, {"order_id": order.id, "total_amount_cents": total, **values})


def _sum_up(db: Connection, order: Row[Any]) -> None:
    """Set the order's amounts to the sums of its lines. Its status and time stay."""
    update_order_totals(db, order.id)
    _change_order(db, order.id, {"status": order.status, "updated_at": order.updated_at})
