"""Find the batch to copy by its reference, or record it from the caller's selection."""

from collections.abc import Callable

from sqlalchemy import Connection

from order_factory.models.database.engine import begin
from order_factory.models.errors import BatchNotFound, InvalidRequest
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.requests.order_filters import OrderFilter
from order_factory.models.values.error_policies import ErrorPolicy
from order_factory.models.values.statuses import Mode
from order_factory.tasks.batches.records import require_batch
from order_factory.tasks.selections.checking import check_selection
from order_factory.tasks.selections.files import is_large_file
from order_factory.tasks.selections.reading import Orders, read_selection
from order_factory.tasks.selections.recording import record_failed, record_filtered, record_rows
from order_factory.tasks.selections.staging import stage

# Returns the id of the batch in a writing transaction; its factories are pending.
Record = Callable[[Connection], int]


def make_recorder(
    reference: str,
    options: CopyOptions,
    policy: ErrorPolicy = ErrorPolicy.REJECT_FAILED,
    orders: Orders | None = None,
    orders_where: OrderFilter | None = None,
    failed_of: str | None = None,
    mode: Mode = Mode.LIVE,
) -> Record:
    """Return a function that finds or records the batch. Files are read and checked at once.

    At most one selection may be given; without one, the batch must exist. Raises `SelectionInvalid`
    and `InvalidRequest`. The returned function also raises `BatchNotFound`; do not commit after an
    error.
    """
    given = {"orders": orders, "orders_where": orders_where, "failed_of": failed_of}
    names = [name for name, value in given.items() if value is not None]
    if len(names) > 1:
        raise InvalidRequest(f"Give only one of {', '.join(given)}; not {' and '.join(names)}.")
    if orders is not None:
        selection = check_selection(read_selection(orders), options, mode)
        return lambda db: record_rows(db, reference, selection, policy)
    if mode != Mode.LIVE:
        raise InvalidRequest("The mode goes with orders that are named; a filter has its own.")
    if orders_where is not None:
        return lambda db: record_filtered(db, reference, orders_where, options, policy)
    if failed_of is not None:
        return lambda db: record_failed(db, reference, failed_of, options, policy)
    if policy != ErrorPolicy.REJECT_FAILED or options != CopyOptions():
        raise InvalidRequest(
            f"The batch {reference!r} has its own options; give none to finish it, or say which "
            "orders to copy."
        )
    return lambda db: require_batch(db, reference)


def check_orders(reference: str, orders: Orders, options: CopyOptions, mode: Mode) -> None:
    """Raise `SelectionInvalid` if no batch can be recorded from these orders; change nothing.

    A large file, and the orders of an existing batch, are checked by the run.
    """
    if is_large_file(orders):
        return
    selection = check_selection(read_selection(orders), options, mode)
    with begin() as db:
        try:
            require_batch(db, reference)
        except BatchNotFound:
            stage(db, selection)
        db.rollback()
