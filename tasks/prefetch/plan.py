"""The statements that prefetch a part of a batch, for a process without SQLAlchemy.

They read the next copies, the totals of their lines and the flagged SKUs, and check the references
of the source orders. This takes a third of a part's time. The results are valid until someone
writes.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Insert,
    MetaData,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
)
from sqlalchemy.schema import CreateTable

from order_factory.models.database.dialects import last_key
from order_factory.models.database.engine import CACHE_KIBIBYTES
from order_factory.models.database.sqlite_readers import compile_statement
from order_factory.models.tables import (
    Address,
    Bundle,
    LineItem,
    Order,
    OrderFactory,
    PaymentSource,
)
from order_factory.tasks.stock.bundles import SHOP_HAS_BUNDLES
from order_factory.tasks.stock.catalogue import insert_flagged_skus
from order_factory.tasks.working_set.claims import (
    claimed_range,
    insert_claims,
    insert_copies,
    pending,
)
from order_factory.tasks.working_set.line_totals import insert_short_sums, update_mixed_sums
from order_factory.tasks.working_set.references import find_broken_references, refers_to_more
from order_factory.tasks.working_set.statements import table_of
from order_factory.tasks.working_set.tables import (
    ANALYZE_COPIES,
    analyze_copies,
    claims,
    copies,
    flagged_skus,
    line_sums,
)

# The keys of the copies, which the reader counts from 1.
_KEYS = {
    "target_order_id": Order,
    "target_billing_address_id": Address,
    "target_shipping_address_id": Address,
    "target_payment_source_id": PaymentSource,
    "payment_source_key": PaymentSource,
}
# The schema name of the prefetched tables in the writing connection.
PREFETCHED = "prefetched"

# The reader's own tables, under the names in the statements of copying.
_READERS = MetaData()
for _work in (claims, copies, line_sums, flagged_skus):
    _columns = (Column(each.name, each.type, primary_key=each.primary_key) for each in _work.c)
    Table(_work.name, _READERS, *_columns)
# The reader's database needs an AUTOINCREMENT table, so that its keys count from 1.
_AUTOINCREMENT_TABLE = "CREATE TABLE of_counted (id INTEGER PRIMARY KEY AUTOINCREMENT)"


def plan(db: Connection, batch_id: int) -> dict[str, Any]:
    """Return the first line for the reader of this connection's database."""
    tables = _READERS.sorted_tables
    return {
        "shop": f"{Path(str(db.engine.url.database)).as_uri()}?mode=rw",
        "prepare": [
            f"PRAGMA shop.cache_size = -{CACHE_KIBIBYTES}",
            _AUTOINCREMENT_TABLE,
            *(compile_statement(CreateTable(table))[0] for table in tables),
        ],
        "begin": [
            *(compile_statement(delete(table)) for table in tables),
            compile_statement(_insert_next(batch_id)),
            compile_statement(insert_copies()),
            compile_statement(ANALYZE_COPIES),
        ],
        "unsafe": [compile_statement(select(each)) for each in _find_unsafe_conditions(batch_id)],
        "look": [
            compile_statement(insert_short_sums()),
            compile_statement(update_mixed_sums()),
            compile_statement(insert_flagged_skus(after_others=False, more=False)),
        ],
    }


_bundle, _line = table_of(Bundle), table_of(LineItem)


def _insert_next(batch_id: int) -> Insert:
    is_next = OrderFactory.id > bindparam("last", 0)
    return insert_claims(pending(batch_id, bindparam("size", 0), is_next))


def _find_unsafe_conditions(batch_id: int) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions of the current or next factories under which prefetching is unsafe."""
    # Placing also reserves stock that the next copies may need, and cancelling returns it.
    last = select(func.max(claims.c.factory_id)).scalar_subquery()
    is_current_or_next = OrderFactory.id.between(bindparam("first", 0), last)
    yield exists().where(is_current_or_next, OrderFactory.batch_id == batch_id, refers_to_more)
    # The contents of bundles are not prefetched.
    mode_and_code = and_(_bundle.c.mode == copies.c.mode, _bundle.c.code == _line.c.bundle_code)
    bundles = copies.join(_line, _line.c.order_id == copies.c.source_order_id)
    yield and_(SHOP_HAS_BUNDLES, exists().select_from(bundles.join(_bundle, mode_and_code)))
    yield from find_broken_references("shop")


def prefetched_range(db: Connection) -> tuple[int, int, int]:
    """Return `claimed_range` of the prefetched factories."""
    return claimed_range(db, _prefetched_table(claims))


def load_prefetched(db: Connection) -> None:
    """Fill the empty temporary tables as `load_claimed`, `sum_lines` and `flag_skus` would."""
    for work in (copies, line_sums, flagged_skus):
        db.execute(_insert_prefetched(work))
    analyze_copies(db)


@cache
def _insert_prefetched(work: Table) -> Insert:
    values: dict[str, ColumnElement[Any]] = dict(_prefetched_table(work).c)
    if work is copies:
        for name, resource in _KEYS.items():
            values[name] += last_key(table_of(resource))
    return insert(work).from_select(list(values), select(*values.values()))


@cache
def _prefetched_table(work: Table) -> Table:
    return Table(
        work.name, MetaData(), *(Column(c.name, c.type) for c in work.c), schema=PREFETCHED
    )
