"""The copies that have to be placed, and those that were not."""

from sqlalchemy import ColumnElement, and_, exists, not_

from order_factory.tasks.working_set.tables import copies, placements

IS_TO_BE_PLACED = and_(copies.c.valid, copies.c.place_target_order)


def is_not_placed() -> ColumnElement[bool]:
    """Return whether the copy had to be placed and was not."""
    placed = exists().where(placements.c.factory_id == copies.c.factory_id)
    return and_(IS_TO_BE_PLACED, not_(placed))
