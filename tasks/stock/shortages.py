"""The shortages of a batch: an error for each, and the lines that copies leave out for them."""

from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    Subquery,
    and_,
    cast,
    delete,
    exists,
    insert,
    literal,
    not_,
    or_,
    select,
)

from order_factory.models.tables import LineItem
from order_factory.models.values.error_codes import ErrorCode
from order_factory.models.values.statuses import ItemType
from order_factory.models.values.stock_policies import StockPolicy
from order_factory.tasks.stock.bundles import is_part_of_flagged_sku
from order_factory.tasks.stock.last_lines import select_without_lines
from order_factory.tasks.stock.reductions import count_pieces_left, is_reducible
from order_factory.tasks.stock.shares import has_order_share, select_wanted_before
from order_factory.tasks.working_set.copy_errors import has_fatal_error, insert_errors
from order_factory.tasks.working_set.line_totals import is_left_out
from order_factory.tasks.working_set.statements import execute_and_count, table_of
from order_factory.tasks.working_set.tables import (
    GRANTED,
    REFUSED,
    bundle_parts,
    changed_lines,
    contested,
    copies,
    flagged_skus,
    left_out_lines,
)

_line = table_of(LineItem)


def record_shortages(db: Connection) -> int:
    """Record the errors of shares that were refused or reduced. Returns the number of errors.

    All lines of a SKU have one error together. Each line of a bundle with the SKU has its own.
    """
    wants = select_wanted_before(contested.c.state == GRANTED)
    remaining = count_pieces_left(wants)
    counts = (
        literal("SKU ")
        + flagged_skus.c.sku_code
        + ": "
        + cast(wants.c.quantity, String)
        + " wanted, "
        + cast(remaining, String)
    )
    message = counts + " in stock"
    joins = [
        (wants, wants.c.factory_id == copies.c.factory_id),
        (flagged_skus, flagged_skus.c.sku_id == wants.c.sku_id),
    ]
    is_short = wants.c.quantity > remaining
    is_reduced = and_(is_short, is_reducible(wants), remaining > 0)
    is_its_part = is_part_of_flagged_sku()
    is_in_bundles_only = and_(
        exists().where(is_its_part).correlate(copies, flagged_skus),
        not_(_has_own_line()),
    )
    shortages = (
        insert_errors(
            ErrorCode.NOT_ENOUGH_STOCK,
            message,
            is_short,
            not_(is_reduced),
            not_(is_in_bundles_only),
            joins=joins,
            sku_code=flagged_skus.c.sku_code,
        ),
        insert_errors(
            ErrorCode.NOT_ENOUGH_STOCK,
            literal("bundle ") + bundle_parts.c.bundle_code + ": " + message,
            is_short,
            joins=[*joins, (bundle_parts, is_its_part)],
            line_item_id=bundle_parts.c.line_item_id,
            sku_code=flagged_skus.c.sku_code,
        ),
        insert_errors(
            ErrorCode.QUANTITY_REDUCED,
            counts + " copied",
            is_reduced,
            joins=joins,
            sku_code=flagged_skus.c.sku_code,
        ),
    )
    return sum(execute_and_count(db, statement) for statement in shortages)


def _has_own_line() -> ColumnElement[bool]:
    """Whether the copy has the flagged SKU on a line of its own, outside of bundles."""
    copied = exists().where(
        _line.c.order_id == copies.c.source_order_id,
        _line.c.item_type == ItemType.SKUS,
        _line.c.sku_code == flagged_skus.c.sku_code,
        not_(is_left_out()),
    )
    changed = exists().where(
        changed_lines.c.factory_id == copies.c.factory_id,
        changed_lines.c.sku_code == flagged_skus.c.sku_code,
    )
    return or_(*(each.correlate(copies, flagged_skus) for each in (copied, changed)))


def leave_out_short_lines(db: Connection, last_lines: bool) -> None:
    """Leave out the lines of refused SKUs and their bundles, where the copy is made anyway.

    With `last_lines`, also leave them out of the copies that fail because they get no line.
    """
    is_made = and_(
        copies.c.stock == StockPolicy.PARTIAL,
        not_(has_fatal_error()),
        not_(has_order_share(REFUSED)),
    )
    gets_nothing = [_gets_nothing(select_wanted_before(contested.c.state == GRANTED))] * last_lines
    loses_lines = or_(copies.c.skip_errors, is_made, *gets_nothing)
    is_refused = and_(loses_lines, contested.c.state == REFUSED)
    refused = (
        select(copies.c.factory_id, _line.c.id)
        .join(contested, contested.c.factory_id == copies.c.factory_id)
        .join(flagged_skus, flagged_skus.c.sku_id == contested.c.sku_id)
        .join(_line, _line.c.order_id == copies.c.source_order_id)
        .where(is_refused, _line.c.item_type == ItemType.SKUS)
        .where(_line.c.sku_code == flagged_skus.c.sku_code, not_(is_left_out()))
    )
    in_bundles = (
        select(copies.c.factory_id, bundle_parts.c.line_item_id)
        .distinct()
        .join(contested, contested.c.factory_id == copies.c.factory_id)
        .join(flagged_skus, flagged_skus.c.sku_id == contested.c.sku_id)
        .join(bundle_parts, is_part_of_flagged_sku())
        .where(is_refused)
    )
    for lines in (refused, in_bundles):
        db.execute(insert(left_out_lines).from_select(["factory_id", "line_item_id"], lines))
    is_refused_line = exists().where(
        copies.c.factory_id == changed_lines.c.factory_id,
        contested.c.factory_id == copies.c.factory_id,
        contested.c.sku_id == changed_lines.c.sku_id,
        is_refused,
    )
    db.execute(delete(changed_lines).where(is_refused_line))


def _gets_nothing(wants: Subquery) -> ColumnElement[bool]:
    """Whether the copy takes the pieces that are left of its SKUs, and none are left."""
    takes_what_is_left = copies.c.stock == StockPolicy.PARTIAL
    return and_(takes_what_is_left, copies.c.factory_id.in_(select_without_lines(wants)))
