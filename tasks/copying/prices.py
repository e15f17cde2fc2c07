"""Today's prices: all lines of copies with `refresh_prices` get them, and recomputed lines."""

from sqlalchemy import (
    BigInteger,
    Connection,
    FromClause,
    Insert,
    Update,
    and_,
    case,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    not_,
    null,
    or_,
    select,
    update,
)

from order_factory.models.database.dialects import analyze_table
from order_factory.models.database.json_values import add_list, build_object, gather_list
from order_factory.models.tables import LineItem, LineItemOption, Order, Price, Sku
from order_factory.models.values.error_codes import ErrorCode
from order_factory.models.values.statuses import ItemType
from order_factory.tasks.copying.changed_orders import (
    IS_OTHER_CURRENCY,
    change_currencies_of_lines,
)
from order_factory.tasks.copying.merging import update_merged_orders
from order_factory.tasks.copying.totals import recalculate_totals
from order_factory.tasks.promotions.tables import new_prices
from order_factory.tasks.working_set.batch import Batch
from order_factory.tasks.working_set.copy_errors import insert_errors, select_any_copy
from order_factory.tasks.working_set.line_rules import is_recomputed
from order_factory.tasks.working_set.line_totals import is_left_out
from order_factory.tasks.working_set.statements import execute_and_count, table_of
from order_factory.tasks.working_set.step import step
from order_factory.tasks.working_set.tables import changed_lines, copies, line_sums
from order_factory.tasks.working_set.taxes import tax_cents

# The key in the target's metadata that lists the changed prices.
REFRESHED_PRICES = "refreshed_prices"

# Whether some line of the copy gets today's price.
GETS_PRICES = or_(
    copies.c.refresh_prices,
    exists().where(line_sums.c.factory_id == copies.c.factory_id, line_sums.c.recomputed_lines > 0),
)

_line, _option, _sku = table_of(LineItem), table_of(LineItemOption), table_of(Sku)
_price, _order = table_of(Price), table_of(Order)
_lines_to_price: FromClause = (
    copies.join(_order, _order.c.id == copies.c.source_order_id)
    .join(_line, _line.c.order_id == copies.c.source_order_id)
    .join(_sku, and_(_sku.c.mode == copies.c.mode, _sku.c.code == _line.c.sku_code))
)
_is_recomputed = is_recomputed(_line, copies.c.repeat_skus)
_is_priced = and_(or_(copies.c.refresh_prices, _is_recomputed), _line.c.item_type == ItemType.SKUS)
_SOME_ORDERS_CHANGED = select_any_copy(copies.c.order_changed)
_of_its_sku = and_(_price.c.sku_id == _sku.c.id, _price.c.currency_code == copies.c.currency_code)


def find_prices(db: Connection, *, changed: bool) -> int:
    """Find the new prices of the lines, and record lines without a price.

    Returns the number of errors.
    If some lines are `changed`, they already have their new prices. SKUs that are no longer in the
    catalogue are recorded by another check.
    """
    db.execute(_insert_new_prices())
    if changed:
        is_changed = exists().where(
            changed_lines.c.factory_id == new_prices.c.factory_id,
            changed_lines.c.line_item_id == new_prices.c.line_item_id,
        )
        db.execute(delete(new_prices).where(is_changed))
    analyze_table(db, new_prices)
    errors_count = execute_and_count(
        db,
        insert_errors(
            ErrorCode.SKU_WITHOUT_PRICE,
            func.coalesce(literal("bundle ") + _line.c.bundle_code, "a gift card")
            + " has no price of its own, so it cannot be recomputed",
            line_sums.c.recomputed_lines > 0,
            _is_recomputed,
            _line.c.item_type != ItemType.SKUS,
            not_(is_left_out()),
            joins=[
                (line_sums, line_sums.c.factory_id == copies.c.factory_id),
                (_line, _line.c.order_id == copies.c.source_order_id),
            ],
            line_item_id=_line.c.id,
        ),
    )
    return errors_count + execute_and_count(
        db,
        insert_errors(
            ErrorCode.SKU_WITHOUT_PRICE,
            literal("SKU ") + _line.c.sku_code + " has no price in " + copies.c.currency_code,
            _is_priced,
            _price.c.id.is_(None),
            not_(is_left_out()),
            joins=[
                (_order, _order.c.id == copies.c.source_order_id),
                (_line, _line.c.order_id == copies.c.source_order_id),
                (_sku, and_(_sku.c.mode == copies.c.mode, _sku.c.code == _line.c.sku_code)),
            ],
            outer=[(_price, _of_its_sku)],
            line_item_id=_line.c.id,
            sku_code=_line.c.sku_code,
        ),
    )


def update_prices() -> Update:
    """Update the target lines with the new prices and their tax.

    The tax does not change if the line has no rate, no tax, or the same total as before.
    """
    rows = (
        select(
            copies.c.target_order_id,
            new_prices.c.line_item_id,
            new_prices.c.unit_amount_cents,
            new_prices.c.compare_at_amount_cents,
            new_prices.c.total_amount_cents,
            _order.c.tax_rate,
            _order.c.tax_included,
            IS_OTHER_CURRENCY.label("is_other_currency"),
        )
        .join(new_prices, new_prices.c.factory_id == copies.c.factory_id)
        .join(_order, _order.c.id == copies.c.source_order_id)
        .where(copies.c.valid)
        .subquery("priced")
    )
    rate = func.coalesce(_line.c.tax_rate, rows.c.tax_rate)
    tax_changes = and_(
        or_(rows.c.total_amount_cents != _line.c.total_amount_cents, rows.c.is_other_currency),
        rate.is_not(None),
        _line.c.tax_amount_cents.is_not(None),
    )
    # Discounts in another currency are no longer there.
    discount = case((not_(rows.c.is_other_currency), _line.c.discount_cents))
    net = rows.c.total_amount_cents + func.coalesce(discount, 0)
    return (
        update(_line)
        .where(
            _line.c.order_id == rows.c.target_order_id,
            _line.c.copied_from_id == rows.c.line_item_id,
        )
        .values(
            unit_amount_cents=rows.c.unit_amount_cents,
            compare_at_amount_cents=rows.c.compare_at_amount_cents,
            total_amount_cents=rows.c.total_amount_cents,
            discount_cents=discount,
            discount_breakdown=case((not_(rows.c.is_other_currency), _line.c.discount_breakdown)),
            tax_amount_cents=case(
                (tax_changes, tax_cents(net, rate, rows.c.tax_included)),
                else_=_line.c.tax_amount_cents,
            ),
            tax_breakdown=case((tax_changes, null()), else_=_line.c.tax_breakdown),
        )
    )


def update_metadata(db: Connection) -> Update:
    """List the old and the new price of each SKU whose price changed in the target's metadata.

    `{"refreshed_prices": [{"sku_code", "old_amount_cents", "new_amount_cents"}, ...]}`, by SKU.
    """
    target = table_of(Order)
    changed = (
        select(
            _line.c.sku_code,
            _line.c.unit_amount_cents.label("old"),
            new_prices.c.unit_amount_cents.label("new"),
        )
        .distinct()
        .select_from(new_prices.join(_line, _line.c.id == new_prices.c.line_item_id))
        .where(new_prices.c.factory_id == copies.c.factory_id, not_(is_left_out()))
        .where(_line.c.unit_amount_cents.is_distinct_from(new_prices.c.unit_amount_cents))
        .order_by(_line.c.sku_code, _line.c.unit_amount_cents.nulls_first())
        .correlate_except(new_prices, _line)
        .subquery("changed")
    )
    members = (
        *("sku_code", changed.c.sku_code, "old_amount_cents", changed.c.old),
        *("new_amount_cents", changed.c.new),
    )
    all_changes = select(gather_list(db, build_object(db, *members))).scalar_subquery()
    changes = (
        select(copies.c.target_order_id, all_changes.label("prices"))
        .where(copies.c.valid, GETS_PRICES, not_(copies.c.merges))
        .subquery("changes")
    )
    metadata = add_list(db, target.c.metadata, REFRESHED_PRICES, changes.c.prices)
    of_copy = target.c.id == changes.c.target_order_id
    return update(target).where(of_copy).values(metadata=metadata)


def _insert_new_prices() -> Insert:
    """Insert a row for each line whose SKU has a price in the order's currency."""
    options = (
        select(func.sum(_option.c.total_amount_cents))
        .where(_option.c.line_item_id == _line.c.id)
        .correlate(_line)
        .scalar_subquery()
    )
    extras = func.coalesce(_line.c.options_amount_cents, cast(options, BigInteger), 0)
    values = {
        "line_item_id": _line.c.id,
        "factory_id": copies.c.factory_id,
        "unit_amount_cents": _price.c.amount_cents,
        "compare_at_amount_cents": _price.c.compare_at_amount_cents,
        "total_amount_cents": _price.c.amount_cents * _line.c.quantity + extras,
    }
    rows = select(*values.values()).select_from(_lines_to_price.join(_price, _of_its_sku))
    return insert(new_prices).from_select(list(values), rows.where(_is_priced))


@step(
    name="refresh prices",
    field="line_items",
    needed=select_any_copy(and_(copies.c.valid, GETS_PRICES)),
    errors=(ErrorCode.SKU_WITHOUT_PRICE,),
    idle="The line items keep their prices.",
)
def refresh_prices(db: Connection, _batch: Batch) -> int:
    """Give the target lines today's prices where requested. Returns the number of lines.

    If promotions are applied, too, their step recalculates the totals.
    """
    lines = execute_and_count(db, update_prices())
    db.execute(update_metadata(db))
    if db.scalar(_SOME_ORDERS_CHANGED):
        change_currencies_of_lines(db)
        update_merged_orders(db)
    db.execute(recalculate_totals(GETS_PRICES, not_(copies.c.apply_promotions)))
    return lines
