"""The lines of a source order that promotions and coupons apply to, before it is copied."""

from sqlalchemy import ColumnElement, FromClause, Select, and_, exists, func, not_, or_, select

from order_factory.models.tables import LineItem, SkuListItem
from order_factory.models.values.statuses import SHIPPABLE
from order_factory.tasks.promotions.tables import new_prices
from order_factory.tasks.working_set.line_totals import is_left_out
from order_factory.tasks.working_set.statements import table_of
from order_factory.tasks.working_set.tables import changed_lines, copies

_line, _listed = table_of(LineItem), table_of(SkuListItem)
_price = and_(
    new_prices.c.line_item_id == _line.c.id, new_prices.c.factory_id == copies.c.factory_id
)
# The line's total in the copy.
_total = func.coalesce(new_prices.c.total_amount_cents, _line.c.total_amount_cents)
_is_copied = and_(_line.c.item_type.in_(SHIPPABLE), _total > 0, not_(is_left_out()))


def is_listed(sku_list_id: ColumnElement[int], sku_code: ColumnElement[str]) -> ColumnElement[bool]:
    """Return whether the list contains the SKU."""
    listed = exists().where(_listed.c.sku_list_id == sku_list_id, _listed.c.sku_code == sku_code)
    return listed.correlate_except(_listed)


def goods_cents() -> ColumnElement[int]:
    """Select the amount of the copy's SKUs and bundles before discounts, in cents."""
    of_source = _of_copy(select(func.coalesce(func.sum(_total), 0))).scalar_subquery()
    changed = select(func.coalesce(func.sum(changed_lines.c.total_amount_cents), 0))
    return of_source + _changed_of_copy(changed).scalar_subquery()


def has_listed_goods(sku_list_id: ColumnElement[int]) -> ColumnElement[bool]:
    """Return whether the list contains some of the goods of the copy."""
    of_source = _of_copy(select(_line.c.id)).where(is_listed(sku_list_id, _line.c.sku_code))
    changed = _changed_of_copy(select(changed_lines.c.factory_id))
    changed = changed.where(is_listed(sku_list_id, changed_lines.c.sku_code))
    return or_(of_source.exists(), changed.exists())


def _changed_of_copy(rows: Select[tuple[int]]) -> Select[tuple[int]]:
    is_own = changed_lines.c.factory_id == copies.c.factory_id
    return rows.where(is_own).correlate_except(changed_lines)


def _of_copy(rows: Select[tuple[int]]) -> Select[tuple[int]]:
    lines: FromClause = _line.outerjoin(new_prices, _price)
    is_own = _line.c.order_id == copies.c.source_order_id
    return rows.select_from(lines).where(is_own, _is_copied).correlate_except(_line, new_prices)
