"""Copy errors: a factory's count and log agree with its rows in `copy_errors`."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    func,
    literal_column,
    not_,
    or_,
    select,
    union,
    union_all,
)

from order_factory.models.database.logged_messages import select_logged_messages
from order_factory.models.values.public_ids import Resource
from order_factory.models.values.statuses import FactoryStatus
from order_factory.models.values.stock_policies import StockPolicy
from order_factory.tasks.verify.invariants import Invariant
from order_factory.tasks.verify.recomputed import STOCK_CODES
from order_factory.tasks.verify.rows import copy_error, factory, has_error, origin


def _find_wrong_counts() -> Select[Any]:
    rows = select(factory.c.id).select_from(
        factory.outerjoin(copy_error, copy_error.c.order_factory_id == factory.c.id)
    )
    return rows.group_by(factory.c.id).having(factory.c.errors_count != func.count(copy_error.c.id))


def _find_wrong_logs(db: Connection) -> Select[Any]:
    """Select logs that differ from the rows in a message, or in its position within the field."""
    error = copy_error.c
    position = func.row_number().over(
        partition_by=(error.order_factory_id, error.field), order_by=error.id
    )
    recorded = select(
        error.order_factory_id, error.field, position.label("place"), error.message, _sign(1)
    )
    logged = select_logged_messages(db).add_columns(_sign(-1))
    both = union_all(recorded, logged).subquery("both")
    factory_id, *message, sign = both.columns
    grouped = select(factory_id.label("id")).group_by(factory_id, *message)
    unmatched = grouped.having(func.sum(sign) != 0)
    without_errors = select(factory.c.id).where(
        factory.c.errors_log.is_not(None), not_(has_error())
    )
    return select(union(unmatched, without_errors).subquery().c.id)


def _find_errors_without_reason() -> Select[Any]:
    is_made = factory.c.status.in_([FactoryStatus.COMPLETED, FactoryStatus.IN_PROGRESS])
    # A source order that could not be cancelled does not make its copy fail.
    is_expected = and_(factory.c.stock == StockPolicy.PARTIAL, copy_error.c.code.in_(STOCK_CODES))
    about_copy = has_error(
        copy_error.c.field.not_in(["source_order", "order_subscription", "gift_card_code"]),
        not_(is_expected),
    )
    whole = and_(is_made, not_(factory.c.skip_errors), about_copy)
    return select(factory.c.id).where(
        or_(whole, and_(factory.c.status == FactoryStatus.PENDING, has_error()))
    )


def _find_failed_without_error() -> Select[Any]:
    failed = factory.c.status == FactoryStatus.FAILED
    return select(factory.c.id).where(failed, not_(has_error()))


def _find_errors_about_other_orders() -> Select[Any]:
    rows = copy_error.join(factory, factory.c.id == copy_error.c.order_factory_id)
    rows = rows.outerjoin(origin, origin.c.id == copy_error.c.line_item_id)
    return (
        select(factory.c.id)
        .select_from(rows)
        .where(copy_error.c.line_item_id.is_not(None))
        .where(origin.c.order_id.is_distinct_from(factory.c.source_order_id))
    )


def _sign(value: int) -> ColumnElement[int]:
    return literal_column(str(value), Integer).label("sign")


INVARIANTS = (
    Invariant(
        "errors-count",
        "The errors_count of a factory is the number of its errors.",
        Resource.order_factories,
        _find_wrong_counts(),
    ),
    Invariant(
        "errors-log",
        "errors_log holds the messages of a factory's errors, by field and in order, and is null "
        "if there are none.",
        Resource.order_factories,
        _find_wrong_logs,
    ),
    Invariant(
        "errors-need-a-reason",
        "Only failed factories have errors, and copies with skip_errors, with partial stock, or "
        "with a source order that could not be cancelled.",
        Resource.order_factories,
        _find_errors_without_reason(),
    ),
    Invariant(
        "failed-has-errors",
        "Every failed factory has at least one error.",
        Resource.order_factories,
        _find_failed_without_error(),
    ),
    Invariant(
        "errors-name-own-lines",
        "An error about a line item is about a line of the factory's source order.",
        Resource.order_factories,
        _find_errors_about_other_orders(),
    ),
)
