"""Line items and their options: the contents of an order."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, exists, select
from sqlalchemy import Row as SqlRow

from order_factory.api.resources import writables
from order_factory.api.resources.attributes import (
    amount,
    common,
    integer,
    json_object,
    number,
    text,
)
from order_factory.api.resources.description import (
    DESCRIPTIVE,
    Broken,
    Hooks,
    Relationship,
    ResourceType,
    Row,
    Type,
    Values,
    Writable,
)
from order_factory.api.resources.events import no_events
from order_factory.models.tables import LineItem, LineItemOption, Order, Price, Sku
from order_factory.models.values.public_ids import Resource as PublicIds
from order_factory.models.values.statuses import DISCOUNTS, EDITABLE, ItemType
from order_factory.tasks.working_set.order_totals import update_order_totals
from order_factory.tasks.working_set.statements import table_of

_line = table_of(LineItem).alias("line_of_option")
_price_of, _sku = table_of(Price), table_of(Sku)
_order = table_of(Order).alias("order_of_line")


def _scope(row: FromClause, mode: str) -> ColumnElement[bool]:
    return exists().where(_order.c.id == row.c.order_id, _order.c.mode == mode)


def _option_scope(row: FromClause, mode: str) -> ColumnElement[bool]:
    lines = _line.join(_order, _order.c.id == _line.c.order_id)
    visible = exists().select_from(lines)
    return visible.where(_line.c.id == row.c.line_item_id, _order.c.mode == mode)


def _price(db: Connection, line: Row, order: SqlRow[Any]) -> int:
    """Return the current price of the line's SKU in the order's currency. Raises `Broken`."""
    if line["item_type"] != ItemType.SKUS:
        raise Broken("can't be blank", "unit_amount_cents")
    sold = select(_price_of.c.amount_cents).join_from(
        _price_of, _sku, _sku.c.id == _price_of.c.sku_id
    )
    condition = sold.where(
        _sku.c.mode == order.mode,
        _sku.c.code == line["sku_code"],
        _price_of.c.currency_code == order.currency_code,
    )
    cents = db.scalar(condition)
    if cents is None:
        rule = f"can't be blank: the SKU has no price in {order.currency_code}"
        raise Broken(rule, "unit_amount_cents")
    return int(cents)


def _fill(db: Connection, _mode: str, values: Values, known: Row | None) -> None:
    """Complete a line: the currency of its order, and the total of its quantity and amounts."""
    row = {**(known or {}), **values}
    if values.keys() <= DESCRIPTIVE:
        return
    order = db.execute(
        select(_order.c.currency_code, _order.c.status, _order.c.mode).where(
            _order.c.id == row["order_id"]
        )
    ).one()
    if order.status not in EDITABLE:
        raise Broken(f"cannot be changed: it is {order.status}", "order")
    if known is None:
        values["currency_code"] = order.currency_code
        values.setdefault("item_type", ItemType.SKUS.value)
        row = {**row, **values}
        if row["item_type"] == ItemType.SKUS and not row.get("sku_code"):
            raise Broken("can't be blank", "sku_code")
    unit = row.get("unit_amount_cents")
    if unit is None:
        unit = values["unit_amount_cents"] = _price(db, row, order)
    if row["item_type"] not in (*DISCOUNTS, ItemType.ADJUSTMENTS) and unit < 0:
        raise Broken("must be greater than or equal to 0", "unit_amount_cents")
    total = (unit + (row.get("options_amount_cents") or 0)) * row["quantity"]
    if abs(total) > writables.MOST:
        raise Broken(f"makes a total beyond {writables.MOST}", "quantity")
    values["total_amount_cents"] = total


def _update_totals(db: Connection, key: int, values: Values) -> None:
    if values.keys() <= DESCRIPTIVE:
        return
    update_order_totals(db, select(LineItem.order_id).where(LineItem.id == key).scalar_subquery())


_ALWAYS_SO = Writable(
    "_external_price",
    Type.BOOLEAN,
    writables.flag("_external_price").check,
    nullable=False,
    stored=False,
    meaning="Accepted for the reference's sake: every price is the caller's own.",
)

LINE_ITEMS = ResourceType(
    "line_items",
    ids=PublicIds.line_items,
    table=table_of(LineItem),
    scope=_scope,
    attributes=(
        text("sku_code"),
        text("bundle_code"),
        integer("quantity", nullable=False),
        text("currency_code"),
        *amount("unit_amount"),
        *amount("compare_at_amount"),
        *amount("options_amount"),
        *amount("discount"),
        *amount("total_amount", nullable=False),
        *amount("tax_amount", float_nullable=False),
        text("name"),
        text("image_url"),
        json_object("discount_breakdown"),
        number("tax_rate"),
        json_object("tax_breakdown"),
        text("item_type", nullable=False, one_of=tuple(ItemType)),
        text("frequency"),
        text("coupon_code"),
        *common(),
    ),
    relationships=(
        Relationship("order", "orders", near="order_id", writable=True, required=True),
        Relationship("sku", "skus", near="sku_code", far="code"),
        Relationship(
            "item", "skus", near="sku_code", far="code", writable=True, meaning="The SKU, if any."
        ),
        Relationship(
            "line_item_options", "line_item_options", near="id", far="line_item_id", many=True
        ),
        no_events(),
    ),
    writables=(
        writables.choice("item_type", tuple(ItemType), update=False, nullable=False),
        writables.text("sku_code"),
        writables.text("bundle_code"),
        writables.text("name"),
        writables.text("image_url"),
        writables.integer("quantity", least=1, most=10**6, required=True, nullable=False),
        writables.integer(
            "unit_amount_cents", meaning="Without it, what the SKU costs in the order's currency."
        ),
        writables.integer("compare_at_amount_cents", least=0),
        writables.integer("options_amount_cents", create=False, least=0),
        writables.text("frequency"),
        _ALWAYS_SO,
        *writables.common(),
    ),
    creatable=True,
    updatable=True,
    hooks=Hooks(fill=_fill, created=_update_totals, updated=_update_totals),
    meaning="What an order consists of: goods, shipping, discounts.",
)
LINE_ITEM_OPTIONS = ResourceType(
    "line_item_options",
    ids=PublicIds.line_item_options,
    table=table_of(LineItemOption),
    scope=_option_scope,
    attributes=(
        text("name"),
        integer("quantity", nullable=False),
        text("currency_code"),
        *amount("unit_amount"),
        *amount("total_amount", float_nullable=False),
        integer("delay_hours"),
        json_object("options", nullable=False),
        *common(),
    ),
    relationships=(
        Relationship("line_item", "line_items", near="line_item_id"),
        no_events(),
    ),
    meaning="Extras of a line, such as an embossing.",
)
