"""The totals of each order's lines: one pass over the lines, one row per order."""

from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Insert,
    Update,
    and_,
    case,
    cast,
    delete,
    exists,
    false,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
    true,
    update,
)

from order_factory.models.database.dialects import analyze_table, json_is_true
from order_factory.models.tables import (
    Bundle,
    BundleItem,
    LineItem,
    Order,
    OrderFactory,
    OrderSubscription,
    Sku,
)
from order_factory.models.values.error_codes import ErrorCode
from order_factory.models.values.line_rules import LineRule
from order_factory.models.values.statuses import ItemType, OrderStatus
from order_factory.tasks.working_set.copy_errors import insert_errors
from order_factory.tasks.working_set.line_rules import is_once, is_recomputed, line_rule
from order_factory.tasks.working_set.order_amounts import (
    IS_BOUGHT,
    LINES_OF_PARTS,
    SUMS,
    calculate_part,
)
from order_factory.tasks.working_set.statements import Rows, execute_and_count, table_of
from order_factory.tasks.working_set.tables import (
    changed_lines,
    copies,
    flagged_skus,
    left_out_lines,
    line_sums,
)

_line = table_of(LineItem)
_NO_SUMS: dict[str, Any] = {
    column.key: False if column.key == "mixed" else 0
    for column in line_sums.c
    if column.key != "factory_id"
}
_PLACED = (OrderStatus.PLACED, OrderStatus.APPROVED)
_is_other_currency = func.coalesce(_line.c.currency_code != copies.c.currency_code, false())

_bundle, _part, _sku = table_of(Bundle), table_of(BundleItem), table_of(Sku)
_source, _factory = table_of(Order), table_of(OrderFactory)
_subscription = table_of(OrderSubscription)


def _is_shipped_bundle() -> ColumnElement[bool]:
    """Return whether the line is a bundle that ships.

    It does not ship if its line or the catalogue says so, or if none of its SKUs ships. A bundle
    that is not in the catalogue ships, unless the source order was placed without a shipping
    address.
    """
    is_in_catalogue = exists().where(
        _bundle.c.mode == copies.c.mode, _bundle.c.code == _line.c.bundle_code
    )
    has_parts = exists().where(_part.c.bundle_id == _bundle.c.id)
    shipped_parts = exists().where(
        _part.c.bundle_id == _bundle.c.id,
        not_(
            exists().where(
                _sku.c.mode == _bundle.c.mode, _sku.c.code == _part.c.sku_code, _sku.c.do_not_ship
            )
        ),
    )
    ships = is_in_catalogue.where(not_(_bundle.c.do_not_ship), or_(not_(has_parts), shipped_parts))
    unmarked = not_(func.coalesce(json_is_true(_line.c.metadata, literal("do_not_ship")), false()))
    kind = _line.c.item_type == ItemType.BUNDLES
    return and_(
        kind, unmarked, or_(ships, and_(not_(is_in_catalogue), not_(_was_placed_without_address())))
    )


def _was_placed_without_address() -> ColumnElement[bool]:
    """Return whether the source order, or its subscription's, was placed without that address."""
    from_subscription = _factory.c.order_subscription_id == _subscription.c.id
    origins = _factory.outerjoin(_subscription, from_subscription).join(
        _source, _source.c.id.in_([_factory.c.source_order_id, _subscription.c.source_order_id])
    )
    was_placed = or_(_source.c.placed_at.is_not(None), _source.c.status.in_(_PLACED))
    return (
        exists()
        .select_from(origins)
        .where(
            _factory.c.id == copies.c.factory_id,
            _source.c.shipping_address_id.is_(None),
            was_placed,
        )
    )


def sum_lines(db: Connection) -> None:
    """Add up the source lines of every current copy, valid or not.

    Most orders have SKU lines only and need few columns. The others are added up in full.
    """
    db.execute(insert_short_sums())
    if db.scalar(select(exists().where(line_sums.c.mixed))):
        db.execute(update_mixed_sums())


def subtract_unshipped_lines(db: Connection, *where: ColumnElement[bool]) -> None:
    """Subtract the lines of SKUs that are not shipped from `lines_to_ship`. Call once per copy."""
    if not db.scalar(select(exists().where(flagged_skus.c.do_not_ship))):
        return
    unshipped = (
        select(copies.c.factory_id, func.count().label("lines"))
        .join(_line, _line.c.order_id == copies.c.source_order_id)
        .join(flagged_skus, flagged_skus.c.sku_code == _line.c.sku_code)
        .where(_line.c.item_type == ItemType.SKUS, flagged_skus.c.do_not_ship, not_(is_left_out()))
        .where(*where)
        .group_by(copies.c.factory_id)
        .subquery("unshipped")
    )
    statement = update(line_sums).where(line_sums.c.factory_id == unshipped.c.factory_id)
    db.execute(statement.values(lines_to_ship=line_sums.c.lines_to_ship - unshipped.c.lines))


def record_line_rules(db: Connection) -> None:
    """Record in the factories which rules their copies follow, where a rule is about some line.

    The shop's rules may change later.
    """
    some = line_sums.c.once_lines + line_sums.c.recomputed_lines > 0
    ruled = copies.join(line_sums, line_sums.c.factory_id == copies.c.factory_id)
    rules = select(copies.c.factory_id, copies.c.repeat_skus).select_from(ruled).where(some)
    columns = rules.subquery("rules").c
    statement = update(_factory).where(_factory.c.id == columns.factory_id)
    db.execute(statement.values(applied_repeat_skus=columns.repeat_skus))


def leave_once_lines_out(db: Connection) -> None:
    """Leave out the once lines, and subtract them from the sums.

    A copy without any other line keeps its sums; `sum_remaining_lines` records its error.
    """
    has_once_lines = line_sums.c.once_lines > 0
    copied = copies.join(line_sums, line_sums.c.factory_id == copies.c.factory_id)
    rows = select(copies.c.factory_id, _line.c.id)
    rows = rows.select_from(copied.join(_line, _line.c.order_id == copies.c.source_order_id))
    rows = rows.where(has_once_lines, is_once(_line, copies.c.repeat_skus), not_(is_left_out()))
    db.execute(insert(left_out_lines).from_select(["factory_id", "line_item_id"], rows))
    analyze_table(db, left_out_lines)
    changed = exists().where(line_sums.c.factory_id == copies.c.factory_id, has_once_lines)
    _sum_lines_left(db, changed)


def sum_merged_copies(db: Connection) -> None:
    """Add up the copies that are merged into an open order: the goods that are not left out."""
    merged = line_sums.c.factory_id.in_(select(copies.c.factory_id).where(copies.c.merges))
    db.execute(update(line_sums).where(merged).values(_NO_SUMS))
    _sum_lines_left(db, copies.c.merges)


def _sum_lines_left(db: Connection, condition: ColumnElement[bool]) -> None:
    """Add up these copies again: their sources' lines that are not left out, and the changed ones.

    A copy that has no line left keeps its sums: `sum_remaining_lines` finds it.
    """
    remaining = select_line_sums(copies.c.source_order_id).where(condition, not_(is_left_out()))
    db.execute(_update_sums(remaining))
    _add_changed_lines(db, condition)


def sum_changed_copies(db: Connection) -> None:
    """Add up the lines of copies with changed lines: the remaining source lines and the changed.

    A copy without any line keeps its sums; `sum_remaining_lines` records its error.
    """
    changed = line_sums.c.factory_id.in_(select(changed_lines.c.factory_id))
    db.execute(update(line_sums).where(changed).values(_NO_SUMS))
    rows = select_line_sums(copies.c.source_order_id)
    db.execute(_update_sums(rows.where(copies.c.lines_changed, not_(is_left_out()))))
    _add_changed_lines(db, true())


def _add_changed_lines(db: Connection, condition: ColumnElement[bool]) -> None:
    """Add the changed lines of these copies to the sums."""
    columns = changed_lines.c
    is_in_catalogue = exists().where(line_sums.c.factory_id == copies.c.factory_id)
    has_some = exists().where(columns.factory_id == copies.c.factory_id)
    missing = select(copies.c.factory_id, *(literal(value) for value in _NO_SUMS.values()))
    missing = missing.where(condition, has_some, not_(is_in_catalogue))
    db.execute(insert(line_sums).from_select(["factory_id", *_NO_SUMS], missing))
    counts = {
        "lines": func.count(),
        "purchasable_lines": func.count(),
        "lines_to_ship": _count(columns.ships),
        "subtotal_amount_cents": func.sum(columns.total_amount_cents),
        "total_tax_amount_cents": func.sum(func.coalesce(columns.tax_amount_cents, 0)),
        "total_amount_cents": func.sum(columns.total_amount_cents),
    }
    additions = (
        select(
            columns.factory_id,
            *(cast(count, BigInteger).label(name) for name, count in counts.items()),
        )
        .join(copies, copies.c.factory_id == columns.factory_id)
        .where(condition)
        .group_by(columns.factory_id)
        .subquery("more")
    )
    statement = update(line_sums).where(line_sums.c.factory_id == additions.c.factory_id)
    db.execute(statement.values({name: line_sums.c[name] + additions.c[name] for name in counts}))


def sum_remaining_lines(db: Connection) -> int:
    """Add up the lines again without those left out. Returns the number of copies without lines."""
    has_once_lines = select(left_out_lines.c.factory_id)
    db.execute(delete(line_sums).where(line_sums.c.factory_id.in_(has_once_lines)))
    remaining = copies.c.factory_id.in_(has_once_lines)
    _insert_line_sums(db, remaining, not_(is_left_out()))
    _add_changed_lines(db, remaining)
    has_no_line = not_(exists().where(line_sums.c.factory_id == copies.c.factory_id))
    none_left = insert_errors(
        ErrorCode.LINE_ITEMS_NONE_LEFT,
        "no line item is left to copy",
        remaining,
        has_no_line,
    )
    subtract_unshipped_lines(db, remaining)
    return execute_and_count(db, none_left)


def is_left_out(
    factory_id: ColumnElement[int] = copies.c.factory_id,
    line_item_id: ColumnElement[int] = _line.c.id,
) -> ColumnElement[bool]:
    """Return whether this line is left out of this copy."""
    left_out = exists().where(
        left_out_lines.c.factory_id == factory_id,
        left_out_lines.c.line_item_id == line_item_id,
    )
    return left_out.correlate_except(left_out_lines)


def copied_lines_differ(db: Connection) -> bool:
    """Return whether a target's line totals differ from those that its source had at the check."""
    # An order that is merged into has other lines, too.
    alone = copies.c.valid, not_(copies.c.merges)
    copied = select_line_sums(copies.c.target_order_id).where(*alone).subquery("copied")
    # `lines_to_ship` was reduced after the check, and no rule is asked about lines that are added.
    without = {"factory_id", "mixed", "lines_to_ship", "once_lines", "recomputed_lines"}
    names = {column.key for column in line_sums.c} - without
    differs = or_(*(copied.c[name] != line_sums.c[name] for name in sorted(names)))
    both = copied.join(line_sums, line_sums.c.factory_id == copied.c.factory_id)
    return bool(db.scalar(select(exists().select_from(both).where(differs))))


@cache
def insert_short_sums() -> Insert:
    """Insert a row per copy with lines. `mixed` marks copies that do not have SKU lines only."""
    total, lines = func.sum(_line.c.total_amount_cents), func.count()
    plain = and_(
        _line.c.item_type == ItemType.SKUS,
        _line.c.quantity > 0,
        not_(_is_other_currency),
        line_rule(_line, copies.c.repeat_skus) == LineRule.REPEAT.value,
    )
    values: dict[str, ColumnElement[Any]] = {column.key: literal(0) for column in line_sums.c} | {
        "factory_id": copies.c.factory_id,
        "mixed": _count(not_(plain)) > 0,
        "lines": lines,
        "purchasable_lines": lines,
        "lines_to_ship": lines,
        "subtotal_amount_cents": total,
        "total_tax_amount_cents": func.coalesce(func.sum(_line.c.tax_amount_cents), 0),
        "total_amount_cents": total,
    }
    rows = select(*values.values()).select_from(
        copies.join(_line, _line.c.order_id == copies.c.source_order_id)
    )
    return insert(line_sums).from_select(list(values), rows.group_by(copies.c.factory_id))


@cache
def update_mixed_sums() -> Update:
    mixed = exists().where(line_sums.c.factory_id == copies.c.factory_id, line_sums.c.mixed)
    return _update_sums(select_line_sums(copies.c.source_order_id).where(mixed))


def _update_sums(rows: Rows) -> Update:
    full = rows.subquery("full")
    names = [column.key for column in full.c if column.key != "factory_id"]
    is_same = line_sums.c.factory_id == full.c.factory_id
    return update(line_sums).where(is_same).values({name: full.c[name] for name in names})


def _insert_line_sums(db: Connection, *where: ColumnElement[bool]) -> None:
    rows = select_line_sums(copies.c.source_order_id).where(*where)
    names = [str(column.key) for column in rows.selected_columns]
    db.execute(insert(line_sums).from_select(names, rows))


def select_line_sums(order_id: ColumnElement[int]) -> Rows:
    """Select a row of sums per copy with lines; amounts in cents of the order's currency."""
    kind, total = _line.c.item_type, _line.c.total_amount_cents
    values: dict[str, ColumnElement[Any]] = {
        "factory_id": copies.c.factory_id,
        "mixed": false(),
        "lines": func.count(),
        "purchasable_lines": _count(and_(IS_BOUGHT, _line.c.quantity > 0)),
        "lines_to_ship": _count(or_(kind == ItemType.SKUS, _is_shipped_bundle())),
        "quantities_below_one": _count(_line.c.quantity < 1),
        "other_currency_lines": _count(_is_other_currency),
        "once_lines": _count(is_once(_line, copies.c.repeat_skus)),
        "recomputed_lines": _count(is_recomputed(_line, copies.c.repeat_skus)),
        **{
            name: _sum(lines, calculate_part(name))
            for name, lines in LINES_OF_PARTS.items()
            if name in SUMS
        },
        "total_tax_amount_cents": func.coalesce(func.sum(_line.c.tax_amount_cents), 0),
        "total_amount_cents": func.sum(total),
    }
    rows = select(*(values[column.key].label(column.key) for column in line_sums.c))
    rows = rows.select_from(copies.join(_line, _line.c.order_id == order_id))
    return rows.group_by(copies.c.factory_id)


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


def _sum(condition: ColumnElement[bool], amount: ColumnElement[int]) -> ColumnElement[int]:
    return func.sum(case((condition, amount), else_=0))
