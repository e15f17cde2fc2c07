"""Copies whose only lines are lines of short SKUs.

If such a copy gets none of these lines, it is not made, and it uses no coupon or promotion.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    MetaData,
    Select,
    Subquery,
    and_,
    case,
    exists,
    func,
    insert,
    not_,
    or_,
    select,
    union,
)

from order_factory.models.database.temporary_tables import open_tables
from order_factory.models.tables import LineItem
from order_factory.models.values.statuses import ItemType
from order_factory.tasks.stock.bundles import is_part_of_flagged_sku
from order_factory.tasks.working_set.line_totals import is_left_out
from order_factory.tasks.working_set.statements import table_of
from order_factory.tasks.working_set.tables import (
    bundle_parts,
    changed_lines,
    contested,
    copies,
    flagged_skus,
    temporary,
)

_line = table_of(LineItem)
_METADATA = MetaData()

# The short SKUs that each line needs. It has the copies that use a limited coupon or promotion, and
# have no other line.
needed_skus = temporary(
    _METADATA,
    "tmp_needed_skus",
    Column("factory_id", BigInteger, primary_key=True, autoincrement=False),
    Column("line_item_id", BigInteger, primary_key=True, autoincrement=False),
    Column("sku_id", BigInteger, primary_key=True, autoincrement=False),
)


def find_last_lines(db: Connection) -> bool:
    """Insert the short SKUs that the last lines need. Returns whether there are any."""
    open_tables(db, _METADATA)
    uses = contested.alias("uses")
    uses_a_limit = exists().where(uses.c.factory_id == copies.c.factory_id, uses.c.sku_id < 0)
    short_skus = copies.join(contested, contested.c.factory_id == copies.c.factory_id).join(
        flagged_skus, flagged_skus.c.sku_id == contested.c.sku_id
    )
    of_lines = (
        select(copies.c.factory_id, _line.c.id.label("line_item_id"), contested.c.sku_id)
        .select_from(short_skus.join(_line, _line.c.order_id == copies.c.source_order_id))
        .where(
            uses_a_limit,
            _line.c.item_type == ItemType.SKUS,
            _line.c.sku_code == flagged_skus.c.sku_code,
            not_(is_left_out()),
        )
    )
    of_bundles = (
        select(copies.c.factory_id, bundle_parts.c.line_item_id, contested.c.sku_id)
        .select_from(short_skus.join(bundle_parts, is_part_of_flagged_sku()))
        .where(uses_a_limit)
    )
    is_its_change = and_(
        changed_lines.c.factory_id == copies.c.factory_id,
        changed_lines.c.sku_code == flagged_skus.c.sku_code,
    )
    # A changed line has no key. All changed lines of a SKU are copied or left out together.
    of_changed = (
        select(copies.c.factory_id, -contested.c.sku_id, contested.c.sku_id)
        .select_from(short_skus.join(changed_lines, is_its_change))
        .where(uses_a_limit)
    )
    needs = union(of_lines, of_changed, of_bundles).cte("needs")
    needed = needs.alias("needed")
    is_short = exists().where(
        needed.c.factory_id == copies.c.factory_id, needed.c.line_item_id == _line.c.id
    )
    has_sure_line = exists().where(
        copies.c.factory_id == needs.c.factory_id,
        _line.c.order_id == copies.c.source_order_id,
        not_(is_left_out()),
        not_(is_short.correlate(copies, _line)),
    )
    is_short_change = exists().where(
        needed.c.factory_id == changed_lines.c.factory_id,
        needed.c.line_item_id == -changed_lines.c.sku_id,
    )
    has_sure_change = exists().where(
        changed_lines.c.factory_id == needs.c.factory_id,
        not_(is_short_change.correlate(changed_lines)),
    )
    rows = select(needs).where(
        not_(or_(has_sure_line.correlate(needs), has_sure_change.correlate(needs)))
    )
    names = ["factory_id", "line_item_id", "sku_id"]
    db.execute(insert(needed_skus).from_select(names, rows))
    return bool(db.scalar(select(exists().select_from(needed_skus))))


def select_without_lines(wants: Subquery) -> Select[tuple[int]]:
    """Select the factories that get none of their last lines.

    `wants` has the rows of `select_wanted_before`.
    """
    is_enough = case(
        (wants.c.partial, wants.c.before < wants.c.available),
        else_=wants.c.before + wants.c.quantity <= wants.c.available,
    )
    is_given = case((is_enough, 1), else_=0)
    is_same_sku = and_(
        wants.c.factory_id == needed_skus.c.factory_id, wants.c.sku_id == needed_skus.c.sku_id
    )
    copied = (
        select(needed_skus.c.factory_id)
        .select_from(needed_skus.join(wants, is_same_sku))
        .group_by(needed_skus.c.factory_id, needed_skus.c.line_item_id)
        .having(func.min(is_given) == 1)
    )
    factories = select(needed_skus.c.factory_id).distinct()
    return factories.where(needed_skus.c.factory_id.not_in(copied))
