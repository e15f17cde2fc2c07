"""Check at once that all rows exist to which the copies of claimed orders refer, on SQLite.

SQLite looks up each reference of each inserted row, which takes an eighth of the time of a part. A
copy refers to the same rows as its source, or to rows of its own transaction. So it is enough to
check the sources' references, while no other transaction can write.
"""

from collections.abc import Iterator

from sqlalchemy import ColumnElement, Connection, ForeignKey, and_, exists, not_, or_, select

from order_factory.models.database.sqlite_readers import has_other_rules
from order_factory.models.tables import CustomerPaymentSource, Order, OrderFactory
from order_factory.models.values.copy_options import CHANGES
from order_factory.tasks.working_set.statements import table_of
from order_factory.tasks.working_set.tables import claims

_factory, _order = table_of(OrderFactory), table_of(Order)
_wallet = table_of(CustomerPaymentSource)
_claimed = claims.join(_factory, _factory.c.id == claims.c.factory_id)
_with_source = _claimed.join(_order, _order.c.id == _factory.c.source_order_id)
# Copies with these options also refer to other rows.
refers_to_more = or_(
    _factory.c.place_target_order,
    _factory.c.cancel_source_order,
    _factory.c.apply_promotions,
    *(_factory.c[name].is_not(None) for name in CHANGES),
)


def find_broken_references(schema: str) -> Iterator[ColumnElement[bool]]:
    """Yield conditions: a source order refers to a missing row, or the shop has other rules.

    `schema` is the name of the shop's database in this connection.
    """
    # A trigger or a foreign key of the shop could make a copy differ from its source.
    yield from has_other_rules(schema)
    yield exists().select_from(_with_source).where(or_(*map(_is_broken, _order.foreign_keys)))
    saved = _with_source.join(_wallet, _wallet.c.customer_id == _order.c.customer_id)
    (key,) = _wallet.c.payment_source_id.foreign_keys
    yield exists().select_from(saved).where(_is_broken(key))


def _is_broken(key: ForeignKey) -> ColumnElement[bool]:
    referred = key.column.table.alias("referred")
    is_there = exists().where(referred.c[key.column.key] == key.parent)
    return and_(key.parent.is_not(None), not_(is_there))


_MAY_BE_BROKEN = select(
    or_(exists().select_from(_claimed).where(refers_to_more), *find_broken_references("main"))
)


def refer_to_existing_rows(db: Connection) -> bool:
    """Whether the claimed orders can be copied without another check of foreign keys."""
    return not db.scalar(_MAY_BE_BROKEN)
