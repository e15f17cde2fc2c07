"""The checks of the source order itself: its status and its amounts."""

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    and_,
    exists,
    literal,
    not_,
    or_,
)

from order_factory.models.tables import Order, OrderFactory
from order_factory.models.values.error_codes import ErrorCode
from order_factory.models.values.statuses import OrderStatus
from order_factory.tasks.working_set.amount_texts import describe_amount
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
_STATUS_MESSAGES = {
    OrderStatus.PLACING: "the source order is being placed; copy it once that is decided",
    OrderStatus.EDITING: "the source order is being edited; copy it once that is finished",
    OrderStatus.DRAFT: "the source order is a draft, and was never placed",
    OrderStatus.CANCELLED: "the source order is cancelled",
}
# The template of a subscription is always a draft, and the subscription decides whether it ends
# when its source order is cancelled.
_is_of_subscription = exists().where(
    _factory.c.id == copies.c.factory_id, _factory.c.order_subscription_id.is_not(None)
)
# If several copies replace one source order, all that were requested before it was cancelled are
# made, also in different transactions.
_other = _factory.alias("other")
_was_replaced = exists().where(
    _other.c.source_order_id == copies.c.source_order_id,
    _other.c.id != copies.c.factory_id,
    _other.c.cancel_source_order,
    _other.c.target_order_id.is_not(None),
)
_was_requested_before = exists().where(
    _factory.c.id == copies.c.factory_id, _factory.c.created_at <= _source.c.cancelled_at
)

# The line totals by the order's column. An amount of 0 in the order may mean that it is unknown.
_SUMS: dict[str, ColumnElement[int]] = {
    **{name: line_sums.c[name] for name in SUMS},
    "discount_amount_cents": calculate_discount(line_sums.c),
    "total_amount_with_taxes_cents": calculate_total_with_taxes(
        line_sums.c, _source.c.tax_included
    ),
}


def _amount_differences() -> dict[str, ColumnElement[bool]]:
    """For each amount of the order, the condition that it differs from its line total."""
    total = {"total_amount_cents": _source.c.total_amount_cents != line_sums.c.total_amount_cents}
    return total | {
        name: and_(_source.c[name] != 0, _source.c[name] != _SUMS[name])
        for name in AMOUNTS
        if name not in total
    }


IS_WRONG_SOURCE = or_(
    _source.c.status.in_(list(_STATUS_MESSAGES)),
    *_amount_differences().values(),
)


def _insert_status_error(status: OrderStatus) -> Insert:
    where: list[ColumnElement[bool]] = [_source.c.status == status]
    message = _STATUS_MESSAGES[status]
    if status in (OrderStatus.DRAFT, OrderStatus.CANCELLED):
        where += [not_(_is_of_subscription), not_(copies.c.any_source_status)]
        message += "; any_source_status copies it anyway"
    if status == OrderStatus.CANCELLED:
        where.append(not_(and_(_was_replaced, _was_requested_before)))
    code = ErrorCode(f"source_order_{status}")
    return insert_errors(code, message, *where, joins=[_of_copy])


def _insert_amount_error(name: str, differs: ColumnElement[bool]) -> Insert:
    message = (
        literal(f"{name}: the lines add up to ")
        + describe_amount(_SUMS[name], _source.c.currency_code)
        + ", the order says "
        + describe_amount(_source.c[name], _source.c.currency_code)
    )
    return insert_errors(
        ErrorCode.AMOUNTS_DIFFER, message, differs, joins=[_of_copy, _sums_of_copy]
    )


_BARRED = tuple(_insert_status_error(status) for status in _STATUS_MESSAGES)
_DIFFERENCES = tuple(
    _insert_amount_error(name, differs) for name, differs in _amount_differences().items()
)
# A copy with one of these errors fails even with skip_errors.
BARRED_CODES = tuple(ErrorCode(f"source_order_{status}") for status in _STATUS_MESSAGES)


def check_sources(db: Connection) -> int:
    """Record statuses that prevent a copy, and amounts that differ from the line totals.

    The order's total must be the sum of its lines. Its other amounts must be the sums of their kind
    of line unless they are 0. Call this before lines are left out. Returns the number of errors.
    """
    return sum(execute_and_count(db, statement) for statement in (*_BARRED, *_DIFFERENCES))
