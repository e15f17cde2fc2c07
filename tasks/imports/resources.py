"""The resources that can be imported: row, table, key, and references to other rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, ColumnElement, FromClause, Table, and_, func, select

from order_factory.models.requests.import_rows import (
    AddressRow,
    BundleItemRow,
    BundleRow,
    CouponRow,
    CustomerPaymentSourceRow,
    CustomerRow,
    GiftCardRow,
    ImportRow,
    LineItemOptionRow,
    LineItemRow,
    OrderRow,
    PaymentMethodRow,
    PaymentSourceRow,
    PriceRow,
    PromotionRow,
    SkuListItemRow,
    SkuListRow,
    SkuRow,
    StockItemRow,
)
from order_factory.models.tables import (
    Address,
    Base,
    Bundle,
    BundleItem,
    Coupon,
    Customer,
    CustomerPaymentSource,
    GiftCard,
    LineItem,
    LineItemOption,
    Order,
    PaymentMethod,
    PaymentSource,
    Price,
    Promotion,
    Sku,
    SkuList,
    SkuListItem,
    StockItem,
)
from order_factory.tasks.working_set.order_amounts import AMOUNTS, calculate_total_with_taxes
from order_factory.tasks.working_set.statements import table_of

Staged = FromClause
Finder = Callable[[Staged, str], ColumnElement[int]]


@dataclass(frozen=True)
class Reference:
    """A column of the file that refers to another row by its natural key.

    `find` builds the scalar subquery for that row's id from the staged row and the mode. If the key
    is not unique, the oldest row is used. `unknown` is the message if there is no such row.
    """

    column: str
    target: str
    find: Finder
    unknown: str


@dataclass(frozen=True)
class Resource:
    """One kind of file. `key` are the columns of the table that identify a row.

    An import never changes the `history` columns, and a later row with the same key must have the
    same values there. Every later import changes the `updated` columns; the key needs a unique
    index. `filled` computes values that the file may leave out. `accounted` names a column that
    changes by the same amount as a column that an import updates. `order_of` finds the order whose
    currency the row must have. `compared_by` maps comparison keys to the columns that they are
    computed from.
    """

    name: str
    row: type[ImportRow]
    table: Table
    key: tuple[str, ...]
    references: tuple[Reference, ...] = ()
    history: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    filled: Mapping[str, Callable[[Staged], ColumnElement[Any]]] = field(default_factory=dict)
    compared_by: Mapping[str, str] = field(default_factory=dict)
    accounted: Mapping[str, str] = field(default_factory=dict)
    order_of: Callable[[Staged], ColumnElement[int]] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the column names that a file may have, in the order of the documentation."""
        return tuple(self.row.model_fields)

    @property
    def defaults(self) -> dict[str, Any]:
        """Return the optional columns that have a default, with that default."""
        fields = self.row.model_fields.items()
        return {
            name: field_info.default
            for name, field_info in fields
            if not field_info.is_required() and field_info.default is not None
        }

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(
            name for name, field_info in self.row.model_fields.items() if field_info.is_required()
        )

    def same_key(self, rows: FromClause, staged: Staged, mode: str) -> ColumnElement[bool]:
        """Return whether a stored row of this mode, not a copy, has the staged row's key."""
        return and_(
            *(rows.c[name] == staged.c[name] for name in self.key),
            *_originals_of_mode(rows, mode),
        )


def _originals_of_mode(rows: FromClause, mode: str) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if "mode" in rows.c:
        conditions.append(rows.c.mode == mode)
    if "copied_from_id" in rows.c:
        conditions.append(rows.c.copied_from_id.is_(None))
    return conditions


def _find_by(model: type[Base], key: str, column: str) -> Finder:
    """Return a finder for the row of this model whose `key` equals the staged row's `column`."""

    def find(staged: Staged, mode: str) -> ColumnElement[int]:
        rows = table_of(model)
        query = select(func.min(rows.c.id)).where(rows.c[key] == staged.c[column])
        return query.where(*_originals_of_mode(rows, mode)).scalar_subquery()

    return find


def _imported_order(staged: Staged, mode: str) -> ColumnElement[int]:
    orders = table_of(Order)
    return select(orders.c.id).where(*_is_imported_order(orders, staged, mode)).scalar_subquery()


def _imported_line(staged: Staged, mode: str) -> ColumnElement[int]:
    orders, lines = table_of(Order), table_of(LineItem)
    query = select(func.min(lines.c.id)).join(orders, orders.c.id == lines.c.order_id)
    query = query.where(*_is_imported_order(orders, staged, mode))
    query = query.where(lines.c.reference == staged.c.line_item, lines.c.copied_from_id.is_(None))
    return query.scalar_subquery()


def _is_imported_order(orders: Table, staged: Staged, mode: str) -> list[ColumnElement[bool]]:
    # An import must not add lines to an order that a factory made.
    imported = orders.c.order_factory_id.is_(None)
    return [orders.c.number == staged.c.order_number, orders.c.mode == mode, imported]


def _customer(column: str) -> Reference:
    """Return the reference to a customer by email, ignoring letter case."""
    find = _find_by(Customer, "email_key", "customer_key")
    return Reference(column, "customer_id", find, "is not the email of a customer")


def _address(column: str) -> Reference:
    find = _find_by(Address, "reference", column)
    return Reference(column, f"{column}_id", find, "is not the reference of an address")


_PAYMENT_METHOD = Reference(
    "payment_method",
    "payment_method_id",
    _find_by(PaymentMethod, "reference", "payment_method"),
    "is not the reference of a payment method",
)
_PAYMENT_SOURCE = Reference(
    "payment_source",
    "payment_source_id",
    _find_by(PaymentSource, "reference", "payment_source"),
    "is not the reference of a payment source",
)
_SKU = Reference(
    "sku_code", "sku_id", _find_by(Sku, "code", "sku_code"), "is not the code of a SKU"
)
_BUNDLE = Reference(
    "bundle", "bundle_id", _find_by(Bundle, "code", "bundle"), "is not the code of a bundle"
)
_SKU_LIST = Reference(
    "sku_list",
    "sku_list_id",
    _find_by(SkuList, "name", "sku_list"),
    "is not the name of a SKU list",
)
_PROMOTION = Reference(
    "promotion",
    "promotion_id",
    _find_by(Promotion, "reference", "promotion"),
    "is not the reference of a promotion",
)
_ORDER = Reference(
    "order_number", "order_id", _imported_order, "is not the number of an imported order"
)
_LINE_ITEM = Reference(
    "line_item",
    "line_item_id",
    _imported_line,
    "is not the reference of a line of an imported order",
)


def _order_of_line(staged: Staged) -> ColumnElement[int]:
    return staged.c.order_id


def _order_of_option(staged: Staged) -> ColumnElement[int]:
    lines = table_of(LineItem)
    order = select(lines.c.order_id).where(lines.c.id == staged.c.line_item_id)
    # The enclosing subquery does not contain the staged rows.
    return order.correlate(staged).scalar_subquery()


def _guest(staged: Staged) -> ColumnElement[bool]:
    return func.coalesce(staged.c.guest, staged.c.customer.is_(None))


def _customer_email(staged: Staged) -> ColumnElement[str]:
    return func.coalesce(staged.c.customer_email, staged.c.customer)


def _customer_email_key(staged: Staged) -> ColumnElement[str]:
    return func.coalesce(staged.c.customer_email_key, staged.c.customer_key)


def _total_with_taxes(staged: Staged) -> ColumnElement[int]:
    calculated = calculate_total_with_taxes(staged.c, staged.c.tax_included)
    return func.coalesce(staged.c.total_amount_with_taxes_cents, calculated)


def _initial_balance(staged: Staged) -> ColumnElement[int]:
    return func.coalesce(staged.c.initial_balance_cents, staged.c.balance_cents)


def _other_changes(staged: Staged) -> ColumnElement[int]:
    """Return what other systems have taken from a gift card so far, as a negative number."""
    return staged.c.balance_cents - _initial_balance(staged)


def column_without_default(name: str) -> str:
    """Return the name of the staged column without defaults, for a column that has a default."""
    return f"given_{name}"


def imported_columns(resource: Resource) -> tuple[Column[Any], ...]:
    """Return the table's columns that the file contains, with their comparison keys."""
    names = {*resource.row.model_fields, *resource.compared_by}
    return tuple(column for column in resource.table.c if column.name in names)


# The texts of keys. Only their letter case can differ.
_KEY_TEXTS = {"customers": ("email",), "coupons": ("code",), "gift_cards": ("code",)}


def refreshable(resource: Resource) -> dict[str, str]:
    """Return the table's columns that an import may change, each with its column of the file."""
    columns = {
        column.name: column.name
        for column in imported_columns(resource)
        if column.name not in {*resource.key, *resource.history, *resource.compared_by}
        and column.name not in _KEY_TEXTS.get(resource.name, ())
    }
    named = {
        each.target: each.column
        for each in resource.references
        if each.target in resource.table.c
        and each.target not in resource.key
        and each.target not in resource.history
    }
    return columns | named


# Sorted by dependency.
RESOURCES = {
    resource.name: resource
    for resource in (
        Resource(
            "customers",
            CustomerRow,
            table_of(Customer),
            ("email_key",),
            compared_by={"email_key": "email"},
        ),
        Resource(
            "addresses",
            AddressRow,
            table_of(Address),
            ("reference",),
        ),
        Resource("skus", SkuRow, table_of(Sku), ("code",)),
        Resource(
            "stock_items", StockItemRow, table_of(StockItem), ("sku_id", "stock_location"), (_SKU,)
        ),
        Resource(
            "prices",
            PriceRow,
            table_of(Price),
            ("sku_id", "currency_code"),
            (_SKU,),
            updated=("amount_cents", "compare_at_amount_cents"),
        ),
        Resource("bundles", BundleRow, table_of(Bundle), ("code",)),
        Resource(
            "bundle_items",
            BundleItemRow,
            table_of(BundleItem),
            ("bundle_id", "sku_code"),
            (_BUNDLE,),
        ),
        Resource("sku_lists", SkuListRow, table_of(SkuList), ("name",)),
        Resource(
            "sku_list_items",
            SkuListItemRow,
            table_of(SkuListItem),
            ("sku_list_id", "sku_code"),
            (_SKU_LIST,),
        ),
        Resource(
            "promotions",
            PromotionRow,
            table_of(Promotion),
            ("reference",),
            (_SKU_LIST,),
            filled={"other_uses": lambda staged: staged.c.total_usage_count},
            accounted={"other_uses": "total_usage_count"},
        ),
        Resource(
            "coupons",
            CouponRow,
            table_of(Coupon),
            ("code_key",),
            (_PROMOTION,),
            compared_by={"code_key": "code", "recipient_email_key": "recipient_email"},
            filled={"other_uses": lambda staged: staged.c.usage_count},
            accounted={"other_uses": "usage_count"},
        ),
        Resource(
            "gift_cards",
            GiftCardRow,
            table_of(GiftCard),
            ("code_key",),
            history=("currency_code", "initial_balance_cents"),
            compared_by={"code_key": "code"},
            filled={
                "initial_balance_cents": _initial_balance,
                "other_changes_cents": _other_changes,
            },
            accounted={"other_changes_cents": "balance_cents"},
        ),
        Resource(
            "payment_methods",
            PaymentMethodRow,
            table_of(PaymentMethod),
            ("reference",),
        ),
        Resource(
            "payment_sources",
            PaymentSourceRow,
            table_of(PaymentSource),
            ("reference",),
        ),
        Resource(
            "customer_payment_sources",
            CustomerPaymentSourceRow,
            table_of(CustomerPaymentSource),
            ("payment_source_id", "customer_id"),
            (_customer("customer_email"), _PAYMENT_SOURCE, _PAYMENT_METHOD),
            compared_by={"customer_key": "customer_email"},
        ),
        Resource(
            "orders",
            OrderRow,
            table_of(Order),
            ("number",),
            (
                _customer("customer"),
                _address("billing_address"),
                _address("shipping_address"),
                _PAYMENT_METHOD,
                _PAYMENT_SOURCE,
            ),
            history=(
                "customer_id",
                "currency_code",
                *AMOUNTS,
                "placed_at",
            ),
            compared_by={
                "customer_key": "customer",
                "customer_email_key": "customer_email",
                "coupon_code_key": "coupon_code",
                "gift_card_code_key": "gift_card_code",
            },
            filled={
                "guest": _guest,
                "customer_email": _customer_email,
                "customer_email_key": _customer_email_key,
                "total_amount_with_taxes_cents": _total_with_taxes,
            },
        ),
        Resource(
            "line_items",
            LineItemRow,
            table_of(LineItem),
            ("order_id", "reference"),
            (_ORDER,),
            order_of=_order_of_line,
            history=(
                "item_type",
                "sku_code",
                "quantity",
                "unit_amount_cents",
                "total_amount_cents",
            ),
        ),
        Resource(
            "line_item_options",
            LineItemOptionRow,
            table_of(LineItemOption),
            ("line_item_id", "reference"),
            (_LINE_ITEM,),
            order_of=_order_of_option,
            history=("name", "quantity", "total_amount_cents"),
        ),
    )
}
