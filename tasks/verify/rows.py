"""Aliases for the rows of a copy, and conditions about them."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, and_, case, exists, func, not_, or_

from order_factory.models.database.dialects import json_contains
from order_factory.models.database.json_values import as_json, remove_member
from order_factory.models.tables import CopyError, LineItem, Order, OrderFactory
from order_factory.models.values.kept_parts import ALL, DEFAULT, NONE
from order_factory.tasks.working_set.kept_parts import keep_metadata
from order_factory.tasks.working_set.statements import table_of

factory = table_of(OrderFactory)
copy_error = table_of(CopyError)
source = table_of(Order).alias("source")
target = table_of(Order).alias("target")
# A line of the target, and the line that it was copied from.
line = table_of(LineItem).alias("line")
origin = table_of(LineItem).alias("origin")

# One row per target order, joined with its factory and its source.
copied = factory.join(source, source.c.id == factory.c.source_order_id).join(
    target, target.c.id == factory.c.target_order_id
)
# The line rules of the copy, with the shop's rules in place of `default`.
line_rules = case(
    (factory.c.repeat_skus != DEFAULT, factory.c.repeat_skus),
    else_=func.coalesce(factory.c.applied_repeat_skus, NONE),
)
# The columns that the copy's options keep or leave out; `parts_differ` compares them.
KEPT_PARTS = ("reference", "reference_origin", "metadata")
# The columns that are never copied.
_OWN = ("id", "copied_from_id", "created_at", "updated_at")


def is_unedited(*rows: FromClause) -> ColumnElement[bool]:
    """Whether none of these rows of a copy was edited after the copy was made.

    A shop may edit both orders later, and edited rows may differ. A change at the time of the
    factory's completion is not an edit.
    """
    closed_at = func.coalesce(factory.c.completed_at, factory.c.failed_at)
    return and_(
        *(
            or_(row.c.updated_at <= factory.c.started_at, row.c.updated_at == closed_at)
            for row in rows
        )
    )


def has_error(*where: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether the factory has an error that meets the conditions.

    The subquery is correlated explicitly: SQLAlchemy correlates only with the enclosing statement.
    In a nested subquery it would look for errors of any factory.
    """
    condition = exists().where(copy_error.c.order_factory_id == factory.c.id, *where)
    return condition.correlate_except(copy_error)


def differs(copy: FromClause, original: FromClause, *excluded: str) -> ColumnElement[bool]:
    """Whether any copied column differs, apart from those in `excluded`."""
    names = [column.key for column in copy.c if column.key not in (*_OWN, *excluded)]
    return differs_in(copy, original, *names)


def differs_in(copy: FromClause, original: FromClause, *names: str) -> ColumnElement[bool]:
    """Whether any of these columns differs."""
    return or_(*(_is_different(copy.c[name], original.c[name]) for name in names))


def parts_differ(
    db: Connection, copy: FromClause, original: FromClause, *marks: str, without: str | None = None
) -> ColumnElement[bool]:
    """Whether the references or the metadata differ from what the copy's options keep.

    The member `without` of the metadata is not compared. A copy with the shop's setting may have
    kept any part, because the setting may have changed later.
    """
    references, rule = factory.c.keep_references, factory.c.keep_metadata
    names = ("reference", "reference_origin")
    has_reference = or_(*(copy.c[name].is_not(None) for name in names))
    wrong_reference = case(
        (references == ALL, differs_in(copy, original, *names)),
        (references == NONE, has_reference),
        else_=and_(has_reference, differs_in(copy, original, *names)),
    )
    expected = keep_metadata(original.c.metadata, rule, *marks)
    if without is None:
        changed = copy.c.metadata.is_distinct_from(expected)
    else:
        changed = remove_member(db, copy.c.metadata, without) != remove_member(
            db, expected, without
        )
    # The first condition saves parsing equal texts.
    has_other_members = and_(
        copy.c.metadata.is_distinct_from(original.c.metadata),
        not_(
            json_contains(
                as_json(db, remove_member(db, original.c.metadata)),
                remove_member(db, copy.c.metadata, without),
            )
        ),
    )
    wrong_metadata = case((rule == DEFAULT, has_other_members), else_=changed)
    return or_(wrong_reference, wrong_metadata)


def _is_different(one: ColumnElement[Any], other: ColumnElement[Any]) -> ColumnElement[bool]:
    return one.is_distinct_from(other)
