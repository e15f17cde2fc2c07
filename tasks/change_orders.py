"""The tasks that change existing orders: place, capture, cancel, refund."""

from dataclasses import dataclass

from prefect import task
from prefect.cache_policies import NO_CACHE
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from order_factory.models.database.retrying import read, write
from order_factory.models.requests.order_filters import OrderFilter
from order_factory.models.results.orders import RefusedOrder
from order_factory.models.tables.base import utc_now
from order_factory.models.values.statuses import Mode
from order_factory.tasks.orders.changes import CHANGES
from order_factory.tasks.orders.outcomes import Outcomes, list_refused_orders, read_outcomes
from order_factory.tasks.orders.selecting import select_filtered, select_named
from order_factory.tasks.selections.reading import Orders
from order_factory.tasks.working_set.requested_orders import ask, read_problems
from order_factory.tasks.working_set.step import explain_error


@dataclass(frozen=True)
class Refusals:
    """The keys of the orders that a transaction refused, with the reasons."""

    keys: frozenset[int]
    problems: list[RefusedOrder]


@task(name="select orders", task_run_name="select orders", cache_policy=NO_CACHE)
def select_orders(
    change: str, orders: Orders | None, orders_where: OrderFilter | None, mode: Mode
) -> list[int]:
    """Return the keys of the orders, in the given order.

    Raises `SelectionInvalid` for unknown orders, and `InvalidRequest`.
    """
    try:
        if orders is not None:
            return write(lambda db: select_named(db, orders, mode))
        assert orders_where is not None
        return read(lambda db: select_filtered(db, orders_where, change))
    except DBAPIError as error:
        raise explain_error(error, "status") from None


@task(name="change orders", task_run_name="{change} orders {part}", cache_policy=NO_CACHE)
def change_orders(
    change: str,
    keys: list[int],
    part: int,
    amount_cents: int | None = None,
    name: str | None = None,
) -> Refusals:
    """Make the change in one transaction, and record the calls to gateways that it needs.

    `part` only names the task run. A change that was made before is not repeated, and a refund with
    a `name` is made once under that name.
    """

    def work(db: Connection) -> Refusals:
        ask(db, keys, amount_cents, name)
        CHANGES[change](db, utc_now())
        problems = read_problems(db)
        refused = frozenset(each.order_id for each in problems)
        return Refusals(refused, list_refused_orders(db, problems))

    try:
        return write(work)
    except DBAPIError as error:
        # Prefect logs what a task raises: it must not quote a row.
        raise explain_error(error, "status") from None


@task(name="read outcomes", task_run_name="read outcomes", cache_policy=NO_CACHE)
def read_order_outcomes(change: str, keys: list[int]) -> Outcomes:
    """Return the answers of gateways about these orders."""
    try:
        return write(lambda db: read_outcomes(db, change, keys))
    except DBAPIError as error:
        raise explain_error(error, "status") from None
