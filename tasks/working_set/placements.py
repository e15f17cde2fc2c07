"""Which copies were to be placed, and which of them were not."""

from sqlalchemy import ColumnElement, and_, exists, not_

from order_factory.tasks.working_set.tables import copies, placements

IS_TO_BE_PLACED = and_(copies.c.valid, copies.c.place_target_order)


def is_not_placed() -> ColumnElement[bool]:
    """Whether the copy was to be placed and is not."""
    placed = exists().where(placements.c.factory_id == copies.c.factory_id)
    return and_(IS_TO_BE_PLACED, not_(placed))
