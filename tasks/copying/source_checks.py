"""The source order itself: whether it can be copied as it is, and is worth what its lines say."""

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    String,
    and_,
    cast,
    exists,
    literal,
    not_,
    or_,
)

from order_factory.models.tables import Order, OrderFactory
from order_factory.models.values.error_codes import ErrorCode
from order_factory.models.values.statuses import OrderStatus
from order_factory.tasks.working_set.copy_errors import insert_errors
from order_factory.tasks.working_set.order_amounts import (
    AMOUNTS,
    SUMS,
    calculate_discount,
    calculate_total_with_taxes,
)
from order_factory.tasks.working_set.statements import execute_and_count, table_of
from order_factory.tasks.working_set.tables import copies, line_sums

_source, _factory = table_of(Order), table_of(OrderFactory)
_of_copy = (_source, _source.c.id == copies.c.source_order_id)
_sums_of_copy = (line_sums, line_sums.c.factory_id == copies.c.factory_id)

# The statuses from which an order is not copied, and the message for each.
_WHY = {
    OrderStatus.PLACING: "the source order is being placed; copy it once that is decided",
    OrderStatus.EDITING: "the source order is being edited; copy it once that is finished",
    OrderStatus.DRAFT: "the source order is a draft, and was never placed",
    OrderStatus.CANCELLED: "the source order is cancelled",
}
# A subscription's template is a draft for ever, and whether it ends with its source order is its own
# choice.
_is_of_subscription = exists().where(
    _factory.c.id == copies.c.factory_id, _factory.c.order_subscription_id.is_not(None)
)
# Of several copies that replace one source, all that were asked for by then are made, whether or not
# they come into one transaction.
_other = _factory.alias("other")
_was_replaced = exists().where(
    _other.c.source_order_id == copies.c.source_order_id,
    _other.c.id != copies.c.factory_id,
    _other.c.cancel_source_order,
    _other.c.target_order_id.is_not(None),
)
_was_asked_before = exists().where(
    _factory.c.id == copies.c.factory_id, _factory.c.created_at <= _source.c.cancelled_at
)

# The sums of the lines by the order's column; a sum of 0 there may only mean that none was given.
_SUMS: dict[str, ColumnElement[int]] = {
    **{name: line_sums.c[name] for name in SUMS},
    "discount_amount_cents": calculate_discount(line_sums.c),
    "total_amount_with_taxes_cents": calculate_total_with_taxes(
        line_sums.c, _source.c.tax_included
    ),
}


def _differing() -> dict[str, ColumnElement[bool]]:
    """When each amount of the order is not what its lines add up to."""
    total = {"total_amount_cents": _source.c.total_amount_cents != line_sums.c.total_amount_cents}
    return total | {
        name: and_(_source.c[name] != 0, _source.c[name] != _SUMS[name])
        for name in AMOUNTS
        if name not in total
    }


IS_WRONG_SOURCE = or_(
    _source.c.status.in_(list(_WHY)),
    *_differing().values(),
)


def _barred(status: OrderStatus) -> Insert:
    where: list[ColumnElement[bool]] = [_source.c.status == status]
    words = _WHY[status]
    if status in (OrderStatus.DRAFT, OrderStatus.CANCELLED):
        where += [not_(_is_of_subscription), not_(copies.c.any_source_status)]
        words += "; any_source_status copies it anyway"
    if status == OrderStatus.CANCELLED:
        where.append(not_(and_(_was_replaced, _was_asked_before)))
    code = ErrorCode(f"source_order_{status}")
    return insert_errors(code, words, *where, joins=[_of_copy])


def _difference(name: str, differs: ColumnElement[bool]) -> Insert:
    words = (
        literal(f"{name}: the lines add up to ")
        + cast(_SUMS[name], String)
        + " cents, the order says "
        + cast(_source.c[name], String)
    )
    return insert_errors(ErrorCode.AMOUNTS_DIFFER, words, differs, joins=[_of_copy, _sums_of_copy])


_BARRED = tuple(_barred(status) for status in _WHY)
_DIFFERENCES = tuple(_difference(name, differs) for name, differs in _differing().items())
# No copy is made with these, whatever skip_errors says.
BARRED_CODES = tuple(ErrorCode(f"source_order_{status}") for status in _WHY)


def check_sources(db: Connection) -> int:
    """Record source orders in a status that is not copied, and amounts that are not the lines'.

    The order's total must be the sum of its lines. Its other amounts must be the lines' of that
    kind where they are given, which is where they are not 0. Comes before any line is left out.
    Returns how many errors.
    """
    return sum(execute_and_count(db, statement) for statement in (*_BARRED, *_DIFFERENCES))
