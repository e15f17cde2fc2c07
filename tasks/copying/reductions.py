"""The amounts of copies that have fewer pieces than their source orders (`stock = partial`)."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Subquery,
    Update,
    and_,
    case,
    cast,
    exists,
    func,
    not_,
    null,
    select,
    update,
)

from order_factory.models.tables import CopyError, LineItem, LineItemOption
from order_factory.models.values.statuses import SHIPPABLE
from order_factory.models.values.stock_policies import StockPolicy
from order_factory.tasks.copying.prices import GETS_PRICES
from order_factory.tasks.copying.totals import recalculate_totals
from order_factory.tasks.promotions.tables import new_prices
from order_factory.tasks.working_set.changed_amounts import SPLIT_DISCOUNTS
from order_factory.tasks.working_set.copy_errors import STOCK_CODES, select_any_copy
from order_factory.tasks.working_set.statements import table_of
from order_factory.tasks.working_set.tables import copies, reduced_lines
from order_factory.tasks.working_set.taxes import split_cents

_line, _option = table_of(LineItem), table_of(LineItemOption)
_of_line = ("options_amount_cents", "discount_cents", "tax_amount_cents")

_has_stock_error = exists().where(
    CopyError.order_factory_id == copies.c.factory_id, CopyError.code.in_(STOCK_CODES)
)
_LACKS_PIECES = and_(copies.c.valid, copies.c.stock == StockPolicy.PARTIAL, _has_stock_error)
# Whether some copies have fewer pieces than their source orders.
SOME_LACK_PIECES = select_any_copy(_LACKS_PIECES)


def reduce_amounts(db: Connection) -> None:
    """Reduce the quantities of the target lines to the stock, and all amounts in proportion.

    A line's total is price times quantity. Its options, discount and tax are reduced by quantity,
    and the discounts of the order by the value of the goods.
    """
    rows = _reduced()
    db.execute(_reduce_options(rows))
    db.execute(_reduce_lines(rows))
    if db.scalar(select_any_copy(GETS_PRICES)):
        db.execute(_reduce_new_prices())
    db.execute(_reduce_discounts())
    db.execute(recalculate_totals(_LACKS_PIECES))


def _reduced() -> Subquery:
    return (
        select(copies.c.target_order_id, reduced_lines)
        .join(reduced_lines, reduced_lines.c.factory_id == copies.c.factory_id)
        .where(copies.c.valid)
        .subquery("reduced")
    )


def _is_copy_of(rows: Subquery) -> ColumnElement[bool]:
    return and_(
        _line.c.order_id == rows.c.target_order_id, _line.c.copied_from_id == rows.c.line_item_id
    )


def _reduce_lines(rows: Subquery) -> Update:
    quantity, wanted = rows.c.quantity, rows.c.wanted
    values: dict[str, Any] = {
        name: split_cents(_line.c[name], quantity, wanted) for name in _of_line
    }
    return (
        update(_line)
        .where(_is_copy_of(rows))
        .values(
            **values,
            quantity=quantity,
            total_amount_cents=_reduced_total(
                _line.c.unit_amount_cents, _line.c.total_amount_cents, quantity, wanted
            ),
            discount_breakdown=null(),
            tax_breakdown=null(),
        )
    )


def _reduced_total(
    unit: ColumnElement[Any],
    total: ColumnElement[Any],
    quantity: ColumnElement[int],
    wanted: ColumnElement[int],
) -> ColumnElement[Any]:
    """Return price times quantity, plus the proportional rest of the total, such as options."""
    price = func.coalesce(unit, 0)
    return price * quantity + split_cents(total - price * wanted, quantity, wanted)


def _reduce_options(rows: Subquery) -> Update:
    """Reduce the options of each line so that they add up to the reduced sum, to the cent."""
    running_total = cast(
        func.sum(func.coalesce(_option.c.total_amount_cents, 0)).over(
            partition_by=_option.c.line_item_id, order_by=_option.c.id, rows=(None, 0)
        ),
        BigInteger,
    )
    sums = (
        select(
            _option.c.id,
            _option.c.quantity.label("had"),
            _option.c.total_amount_cents.label("cents"),
            running_total.label("upto"),
            rows.c.quantity,
            rows.c.wanted,
        )
        .select_from(rows)
        .join(_line, _is_copy_of(rows))
        .join(_option, _option.c.line_item_id == _line.c.id)
        .subquery("sums")
    )
    columns = sums.c
    before = columns.upto - func.coalesce(columns.cents, 0)
    share = split_cents(columns.upto, columns.quantity, columns.wanted)
    share -= split_cents(before, columns.quantity, columns.wanted)
    return (
        update(_option)
        .where(_option.c.id == columns.id)
        .values(
            quantity=case((columns.had == columns.wanted, columns.quantity), else_=columns.had),
            total_amount_cents=case((columns.cents.is_(None), null()), else_=share),
        )
    )


def _reduce_new_prices() -> Update:
    columns = new_prices.c
    total = _reduced_total(
        columns.unit_amount_cents,
        columns.total_amount_cents,
        reduced_lines.c.quantity,
        reduced_lines.c.wanted,
    )
    return (
        update(new_prices)
        .where(
            columns.factory_id == reduced_lines.c.factory_id,
            columns.line_item_id == reduced_lines.c.line_item_id,
        )
        .values(total_amount_cents=total)
    )


def _reduce_discounts() -> Update:
    had, has = _line.alias("had"), _line.alias("has")
    worth = [
        select(func.coalesce(func.sum(goods.c.total_amount_cents), 0))
        .where(
            goods.c.order_id == order_id,
            goods.c.item_type.in_(SHIPPABLE),
            goods.c.total_amount_cents > 0,
        )
        .correlate(copies)
        .scalar_subquery()
        for goods, order_id in (
            (has, copies.c.target_order_id),
            (had, copies.c.source_order_id),
        )
    ]
    rows = (
        select(
            copies.c.target_order_id,
            cast(worth[0], BigInteger).label("kept"),
            cast(worth[1], BigInteger).label("whole"),
        )
        # If lines are changed, too, `change_discounts` reduces the discounts for both reasons.
        .where(_LACKS_PIECES, not_(copies.c.lines_changed))
        .subquery("worth")
    )
    names = ("unit_amount_cents", "tax_amount_cents", "total_amount_cents")
    return (
        update(_line)
        .where(
            _line.c.order_id == rows.c.target_order_id,
            rows.c.whole > 0,
            _line.c.item_type.in_(SPLIT_DISCOUNTS),
            _line.c.total_amount_cents < 0,
        )
        .values({name: split_cents(_line.c[name], rows.c.kept, rows.c.whole) for name in names})
    )
