"""Lines of a copy that differ from its source order, as its options `quantities` etc. request.

A changed line replaces a line of the source order, or it is added. Its amounts are calculated
before anything is copied, so that the checks treat it like a line of the source order.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Insert,
    Subquery,
    and_,
    case,
    cast,
    delete,
    false,
    func,
    insert,
    literal,
    not_,
    null,
    or_,
    select,
    true,
    update,
)

from order_factory.models.database.dialects import analyze_table, json_members, json_text
from order_factory.models.tables import LineItem, LineItemOption, Order, OrderFactory, Price, Sku
from order_factory.models.values.error_codes import ErrorCode
from order_factory.models.values.statuses import SHIPPABLE, ItemType
from order_factory.tasks.copying.totals import recalculate_totals
from order_factory.tasks.working_set.changed_amounts import (
    SPLIT_DISCOUNTS,
    changed_discount,
    changed_tax,
    changed_total,
    choose_smaller,
    split_discount,
)
from order_factory.tasks.working_set.copy_errors import insert_errors, select_any_copy
from order_factory.tasks.working_set.kept_parts import LINE_MARKS, kept_columns
from order_factory.tasks.working_set.line_rules import is_once, is_recomputed
from order_factory.tasks.working_set.line_totals import sum_changed_copies
from order_factory.tasks.working_set.statements import (
    NOW,
    columns_by_name,
    copied_columns,
    execute_and_count,
    insert_counted,
    table_of,
    times,
)
from order_factory.tasks.working_set.tables import changed_lines, copies, left_out_lines
from order_factory.tasks.working_set.taxes import tax_cents

_line, _option, _sku = table_of(LineItem), table_of(LineItemOption), table_of(Sku)
_price, _order, _factory = table_of(Price), table_of(Order), table_of(OrderFactory)

SOME_LINES_CHANGED = select_any_copy(copies.c.lines_changed)
_names_a_sku = _line.c.item_type == ItemType.SKUS
_code = func.coalesce(_line.c.sku_code, _line.c.bundle_code)
_wanted = cast(json_text(_factory.c.quantities, _code), BigInteger)
_other_sku = json_text(_factory.c.swap_skus, _line.c.sku_code)
_of_factory = _factory.c.id == copies.c.factory_id
_lines_of_changed = copies.join(_factory, _of_factory).join(
    _line, _line.c.order_id == copies.c.source_order_id
)
_is_in_place = and_(
    copies.c.lines_changed,
    _names_a_sku,
    _line.c.quantity > 0,
    not_(is_once(_line, copies.c.repeat_skus)),
    or_(_wanted != _line.c.quantity, _other_sku.is_not(None)),
    func.coalesce(_wanted, 1) > 0,
)
_is_dropped = and_(
    copies.c.lines_changed,
    _line.c.item_type.in_(SHIPPABLE),
    _wanted == 0,
    not_(is_once(_line, copies.c.repeat_skus)),
)


def find_changed_lines(db: Connection) -> int:
    """Prepare the changed lines, and leave out the source lines that they replace.

    Changes that cannot be made are recorded as errors; returns their number. A copy with such an
    error fails even with `skip_errors`, because it would not be the order that was requested. Call
    this after the checks of the source orders, and before stock and promotions are locked.
    """
    db.execute(_insert_in_place())
    db.execute(_insert_added(db))
    analyze_table(db, changed_lines)
    dropped = select(copies.c.factory_id, _line.c.id).select_from(_lines_of_changed)
    dropped = dropped.where(or_(_is_in_place, _is_dropped))
    db.execute(insert(left_out_lines).from_select(["factory_id", "line_item_id"], dropped))
    analyze_table(db, left_out_lines)
    error_count = _record_errors(db)
    if error_count:
        db.execute(delete(changed_lines).where(_is_unsellable()))
    sum_changed_copies(db)
    return error_count


def _insert_in_place() -> Insert:
    """Insert a row for each source line that gets another quantity or another SKU."""
    code = func.coalesce(_other_sku, _line.c.sku_code)
    options = (
        select(func.sum(_option.c.total_amount_cents))
        .where(_option.c.line_item_id == _line.c.id)
        .correlate(_line)
        .scalar_subquery()
    )
    lines = (
        select(
            copies.c.factory_id,
            copies.c.mode,
            copies.c.currency_code.label("currency_of_copy"),
            copies.c.source_order_id,
            or_(copies.c.refresh_prices, is_recomputed(_line, copies.c.repeat_skus)).label(
                "gets_price"
            ),
            _line,
            code.label("code"),
            _other_sku.is_not(None).label("is_swapped"),
            func.coalesce(_wanted, _line.c.quantity).label("wanted"),
            func.coalesce(_line.c.options_amount_cents, cast(options, BigInteger), 0).label(
                "extras"
            ),
        )
        .select_from(_lines_of_changed)
        .where(_is_in_place)
        .subquery("lines")
    )
    columns = lines.c
    is_priced = or_(columns.is_swapped, columns.gets_price)
    rate = func.coalesce(columns.tax_rate, _order.c.tax_rate)
    is_other = columns.currency_of_copy != _order.c.currency_code
    tax_without_rate = and_(rate.is_(None), func.coalesce(columns.tax_amount_cents, 0) != 0)
    total = case(
        # Only prices of SKUs are in another currency than the source order's.
        (and_(is_other, or_(columns.extras != 0, tax_without_rate)), null()),
        (is_priced, _price.c.amount_cents * columns.wanted + columns.extras),
        else_=changed_total(columns, columns.wanted, columns.extras),
    )
    discount = case(
        (or_(columns.is_swapped, is_other), null()), else_=changed_discount(columns, columns.wanted)
    )
    tax = case(
        (or_(columns.tax_amount_cents.is_(None), total.is_(None)), null()),
        (
            and_(is_priced, rate.is_not(None), or_(is_other, total != columns.total_amount_cents)),
            tax_cents(total + func.coalesce(discount, 0), rate, _order.c.tax_included),
        ),
        else_=changed_tax(columns, total),
    )
    swapped = {"name": _sku.c.name, "image_url": _sku.c.image_url}
    values: dict[str, ColumnElement[Any]] = {
        "factory_id": columns.factory_id,
        "line_item_id": columns.id,
        "option": case((columns.is_swapped, "swap_skus"), else_="quantities"),
        "sku_code": columns.code,
        **{
            name: case((columns.is_swapped, its), else_=columns[name])
            for name, its in swapped.items()
        },
        "quantity": columns.wanted,
        "unit_amount_cents": case(
            (is_priced, _price.c.amount_cents), else_=columns.unit_amount_cents
        ),
        "compare_at_amount_cents": case(
            (is_priced, _price.c.compare_at_amount_cents), else_=columns.compare_at_amount_cents
        ),
        "total_amount_cents": total,
        "discount_cents": discount,
        "tax_amount_cents": tax,
        **_catalogue_columns(),
    }
    rows = lines.join(_order, _order.c.id == columns.source_order_id)
    return _insert(
        values, _join_catalogue(rows, columns.mode, columns.code, columns.currency_of_copy)
    )


def _insert_added(db: Connection) -> Insert:
    """Insert a row for each line that is added."""
    member = json_members(db, _factory.c.add_lines)
    requested = (
        select(
            copies.c.factory_id,
            copies.c.mode,
            copies.c.currency_code,
            copies.c.source_order_id,
            member.c.key.label("code"),
            cast(member.c.value, BigInteger).label("wanted"),
        )
        .select_from(copies.join(_factory, _of_factory).join(member, true()))
        .where(copies.c.lines_changed, _factory.c.add_lines.is_not(None))
        .subquery("asked")
    )
    columns, total = requested.c, _price.c.amount_cents * requested.c.wanted
    # The tax rate of the order, or the rate that all of its goods share.
    rates = select(
        case((func.min(_line.c.tax_rate) == func.max(_line.c.tax_rate), func.max(_line.c.tax_rate)))
    )
    rates = rates.where(
        _line.c.order_id == columns.source_order_id, _line.c.item_type.in_(SHIPPABLE)
    )
    rate = func.coalesce(_order.c.tax_rate, rates.correlate(requested).scalar_subquery())
    values: dict[str, ColumnElement[Any]] = {
        "factory_id": columns.factory_id,
        "option": literal("add_lines"),
        "sku_code": columns.code,
        "name": _sku.c.name,
        "image_url": _sku.c.image_url,
        "quantity": columns.wanted,
        "unit_amount_cents": _price.c.amount_cents,
        "compare_at_amount_cents": _price.c.compare_at_amount_cents,
        "total_amount_cents": total,
        "tax_amount_cents": case(
            (rate.is_not(None), tax_cents(total, rate, _order.c.tax_included))
        ),
        **_catalogue_columns(),
    }
    rows = requested.join(_order, _order.c.id == columns.source_order_id)
    return _insert(values, _join_catalogue(rows, columns.mode, columns.code, columns.currency_code))


def _catalogue_columns() -> dict[str, ColumnElement[Any]]:
    return {
        "sku_id": _sku.c.id,
        "purchasable": func.coalesce(_sku.c.purchasable, false()),
        "ships": func.coalesce(not_(_sku.c.do_not_ship), true()),
    }


def _join_catalogue(
    rows: FromClause,
    mode: ColumnElement[str],
    code: ColumnElement[str],
    currency: ColumnElement[str],
) -> FromClause:
    rows = rows.outerjoin(_sku, and_(_sku.c.mode == mode, _sku.c.code == code))
    return rows.outerjoin(
        _price, and_(_price.c.sku_id == _sku.c.id, _price.c.currency_code == currency)
    )


def _insert(values: dict[str, ColumnElement[Any]], rows: FromClause) -> Insert:
    lines = select(*values.values()).select_from(rows)
    return insert(changed_lines).from_select(list(values), lines, include_defaults=False)


def _is_unsellable() -> ColumnElement[bool]:
    columns = changed_lines.c
    return or_(
        columns.sku_id.is_(None), not_(columns.purchasable), columns.total_amount_cents.is_(None)
    )


def _record_errors(db: Connection) -> int:
    """Record SKUs that cannot be sold, and quantities for SKUs that are not on exactly one line."""
    columns = changed_lines.c
    lines_of_copy = (changed_lines, columns.factory_id == copies.c.factory_id)
    is_own = columns.option == "quantities"
    location: dict[str, Any] = {
        "joins": [lines_of_copy],
        # A line with another quantity has the same errors as any line.
        "field": case((is_own, "line_items"), else_=columns.option),
        "line_item_id": case((is_own, columns.line_item_id)),
        "sku_code": columns.sku_code,
    }
    sku = literal("SKU ") + columns.sku_code
    statements = [
        insert_errors(
            ErrorCode.SKU_NOT_IN_CATALOGUE,
            sku
            + case((is_own, " is no longer in the catalogue"), else_=" is not in the catalogue"),
            columns.sku_id.is_(None),
            **location,
        ),
        insert_errors(
            ErrorCode.SKU_NOT_PURCHASABLE,
            sku + " is not purchasable",
            columns.sku_id.is_not(None),
            not_(columns.purchasable),
            **location,
        ),
        insert_errors(
            ErrorCode.SKU_WITHOUT_PRICE,
            sku + " has no price in " + copies.c.currency_code,
            columns.sku_id.is_not(None),
            columns.purchasable,
            columns.unit_amount_cents.is_(None),
            columns.total_amount_cents.is_(None),
            **location,
        ),
        insert_errors(
            ErrorCode.LINE_ITEM_WITHOUT_PRICE,
            sku
            + ": the line has options, or a tax without a rate, that have no price in "
            + copies.c.currency_code,
            columns.sku_id.is_not(None),
            columns.purchasable,
            columns.unit_amount_cents.is_not(None),
            columns.total_amount_cents.is_(None),
            **location,
        ),
    ]
    member = json_members(db, _factory.c.quantities)
    line_count = (
        select(func.count())
        .where(_line.c.order_id == copies.c.source_order_id, _names_a_sku)
        .where(_line.c.sku_code == member.c.key)
        .correlate(copies, member)
        .scalar_subquery()
    )
    for code, message, condition in (
        (
            ErrorCode.QUANTITY_OF_NO_LINE,
            " is on no line of the source order; add it with add_lines",
            line_count == 0,
        ),
        (
            ErrorCode.QUANTITY_OF_SEVERAL_LINES,
            " is on several lines of the source order; give it the quantity 0 and use add_lines",
            line_count > 1,
        ),
    ):
        statements.append(
            insert_errors(
                code,
                literal("SKU ") + member.c.key + message,
                copies.c.lines_changed,
                _factory.c.quantities.is_not(None),
                cast(member.c.value, BigInteger) > 0,
                condition,
                joins=[(_factory, _of_factory), (member, true())],
                sku_code=member.c.key,
            )
        )
    return sum(execute_and_count(db, statement) for statement in statements)


def copy_changed_lines(db: Connection, now: datetime) -> int:
    """Insert the changed lines of the valid copies. Returns the number of rows.

    Their options are copied later, together with those of the other lines.
    """
    copied = copied_columns(LineItem, "order_id")
    changed_columns = {column.key for column in changed_lines.c} & {column.key for column in copied}
    is_added = changed_lines.c.line_item_id.is_(None)
    added: dict[str, ColumnElement[Any]] = {
        "item_type": literal(ItemType.SKUS.value),
        "currency_code": copies.c.currency_code,
    }
    values: dict[str, ColumnElement[Any]] = {
        "order_id": copies.c.target_order_id,
        "copied_from_id": changed_lines.c.line_item_id,
        **columns_by_name(copied),
        **{name: case((is_added, value), else_=_line.c[name]) for name, value in added.items()},
        **{name: changed_lines.c[name] for name in changed_columns},
        # The breakdowns are correct for the source line only.
        **dict.fromkeys(("discount_breakdown", "tax_breakdown"), null()),
        **kept_columns(_line, *LINE_MARKS),
        **times(NOW),
    }
    rows = copies.join(changed_lines, changed_lines.c.factory_id == copies.c.factory_id)
    rows = rows.outerjoin(_line, _line.c.id == changed_lines.c.line_item_id)
    valid_rows = select(*values.values()).select_from(rows).where(copies.c.valid)
    # Added lines come last, by their codes.
    order = (
        copies.c.factory_id,
        is_added,
        changed_lines.c.line_item_id,
        changed_lines.c.sku_code,
    )
    return execute_and_count(
        db, insert_counted(_line, list(values), valid_rows.order_by(*order)), now=now
    )


def change_discounts(db: Connection) -> None:
    """Reduce the discounts of the target orders in proportion, and recalculate the totals."""
    values_of_goods = _select_values_of_goods()
    names = ("unit_amount_cents", "tax_amount_cents", "total_amount_cents")
    db.execute(
        update(_line)
        .where(
            _line.c.order_id == values_of_goods.c.target_order_id,
            values_of_goods.c.whole > 0,
            _line.c.item_type.in_(SPLIT_DISCOUNTS),
            _line.c.total_amount_cents < 0,
        )
        .values(
            {
                name: split_discount(
                    _line.c.item_type,
                    _line.c[name],
                    values_of_goods.c.now,
                    values_of_goods.c.kept,
                    values_of_goods.c.whole,
                )
                for name in names
            }
        )
    )
    db.execute(recalculate_totals(copies.c.lines_changed))


def _select_values_of_goods() -> Subquery:
    """Select the value of each target's goods: now, in the source, and of all source goods."""
    had, has = _line.alias("had"), _line.alias("has")

    def is_good(line: FromClause) -> ColumnElement[bool]:
        return and_(line.c.item_type.in_(SHIPPABLE), line.c.total_amount_cents > 0)

    def amount(cents: ColumnElement[Any], rows: FromClause, *where: ColumnElement[bool]) -> Any:
        total = select(func.coalesce(func.sum(cents), 0)).select_from(rows).where(*where)
        return cast(total.correlate(copies).scalar_subquery(), BigInteger)

    pieces = choose_smaller(has.c.quantity, had.c.quantity)
    cents = case((had.c.quantity > 0, had.c.total_amount_cents * pieces // had.c.quantity), else_=0)
    of_target, of_source = (
        has.c.order_id == copies.c.target_order_id,
        had.c.order_id == copies.c.source_order_id,
    )
    both = has.join(had, had.c.id == has.c.copied_from_id)
    return (
        select(
            copies.c.target_order_id,
            amount(has.c.total_amount_cents, has, of_target, is_good(has)).label("now"),
            amount(cents, both, of_target, is_good(had)).label("kept"),
            amount(had.c.total_amount_cents, had, of_source, is_good(had)).label("whole"),
        )
        # Discounts of an open order that is merged into are its own.
        .where(copies.c.valid, copies.c.lines_changed, not_(copies.c.merges))
        .subquery("worth")
    )
