"""Import the orders of one chunk of an export, with all of their rows, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, exists, func, select
from sqlalchemy.exc import DataError, IntegrityError

from order_factory.models.database.engine import begin
from order_factory.models.database.row_locks import lock_imports
from order_factory.models.database.transient import without_values
from order_factory.models.tables import Order
from order_factory.models.values.statuses import Mode
from order_factory.tasks.imports.chunks import ChunkResult, Refuse, import_rows
from order_factory.tasks.imports.platforms.checking import (
    IMPORTED,
    SHARED,
    CheckedRows,
    check_orders,
    keep_first_rows,
)
from order_factory.tasks.imports.platforms.conversion import ConvertedOrder
from order_factory.tasks.imports.rejects import Reject
from order_factory.tasks.imports.resources import RESOURCES
from order_factory.tasks.imports.staging import staging_table
from order_factory.tasks.imports.tally import Tally
from order_factory.tasks.working_set.statements import table_of

_NEW_LINE = "is a new line, and an import adds no lines to an existing order"


@dataclass
class OrdersResult:
    """The outcome of a chunk: the counts of each resource, and the rejects."""

    tallies: dict[str, Tally] = field(default_factory=lambda: {name: Tally() for name in IMPORTED})
    rejects: list[Reject] = field(default_factory=list)

    def refuse(self, order: ConvertedOrder, problems: Sequence[Reject]) -> None:
        """Count an order and its lines as rejected, and add its problems to the rejects."""
        self.rejects += problems
        for name, count in (("orders", 1), ("line_items", order.goods)):
            self.tallies[name].read += count
            self.tallies[name].rejected += count

    def add(self, name: str, rows: int, checked: CheckedRows, result: ChunkResult) -> None:
        tally = self.tallies[name]
        tally.read += rows
        tally.imported += result.imported
        tally.updated += result.updated
        tally.changes += result.changes
        tally.different += len({each.line for each in result.different})
        tally.rejected += len({each.line for each in result.rejects})
        rejects = [*result.rejects, *result.different]
        self.rejects += [checked.in_file(reject) for reject in rejects]

    def plus(self, other: "OrdersResult") -> "OrdersResult":
        for name, tally in other.tallies.items():
            self.tallies[name].add(tally)
        self.rejects += other.rejects
        return self


def import_orders_chunk(
    orders: Sequence[ConvertedOrder], mode: Mode, take_over_changes: bool
) -> OrdersResult:
    """Import each order with its lines, addresses, customer and SKUs as a whole, or reject it.

    If the database refuses an order, halving finds it. Other database errors are raised, and
    nothing of the chunk is written.
    """
    checked = check_orders(orders)
    result = OrdersResult()
    valid = []
    for position, order in enumerate(orders):
        if order.problems:
            result.refuse(order, order.problems)
        else:
            valid.append(position)
    return result.plus(_import_valid(orders, checked, valid, mode, take_over_changes))


def _import_valid(
    orders: Sequence[ConvertedOrder],
    checked: dict[str, CheckedRows],
    positions: list[int],
    mode: Mode,
    take_over_changes: bool,
) -> OrdersResult:
    if not positions:
        return OrdersResult()
    try:
        with begin() as db:
            return _import_in(db, checked, positions, mode, take_over_changes)
    except (DataError, IntegrityError) as error:
        if len(positions) == 1:
            order, result = orders[positions[0]], OrdersResult()
            message = f"was refused by the database ({without_values(error)})"
            result.refuse(order, [Reject(order.line, "", message)])
            return result
    middle = len(positions) // 2
    first = _import_valid(orders, checked, positions[:middle], mode, take_over_changes)
    return first.plus(_import_valid(orders, checked, positions[middle:], mode, take_over_changes))


def _import_in(
    db: Connection,
    checked: dict[str, CheckedRows],
    positions: list[int],
    mode: Mode,
    take_over_changes: bool,
) -> OrdersResult:
    lock_imports(db)
    last_order = db.scalar(select(func.max(table_of(Order).c.id))) or 0
    result, remaining = OrdersResult(), set(positions)
    for name in IMPORTED:
        rows = checked[name].of_orders(remaining)
        if name in SHARED:
            rows = keep_first_rows(rows, SHARED[name])
        if not rows:
            continue
        imported = import_rows(
            db,
            RESOURCES[name],
            rows,
            mode,
            take_over_changes,
            keep=name in SHARED,
            refuse=_refuse_new_lines(mode, last_order) if name == "line_items" else None,
        )
        result.add(name, len(rows), checked[name], imported)
        if name == "orders":
            refused = {checked[name].orders[reject.line] for reject in imported.rejects}
            lines = len(checked["line_items"].of_orders(refused))
            result.tallies["line_items"].read += lines
            result.tallies["line_items"].rejected += lines
            remaining -= refused
    return result


def _refuse_new_lines(mode: Mode, last_order: int) -> Refuse:
    """Return a function that rejects new lines of existing orders: their amounts are final."""
    resource = RESOURCES["line_items"]

    def refuse(db: Connection) -> list[Reject]:
        staged = staging_table(resource.name)
        is_known = exists().where(resource.same_key(resource.table, staged, mode))
        is_new = (staged.c.order_id <= last_order) & ~is_known
        lines = list(db.scalars(select(staged.c.line).where(is_new)))
        if lines:
            db.execute(delete(staged).where(is_new))
        return [Reject(line, "", _NEW_LINE) for line in lines]

    return refuse
