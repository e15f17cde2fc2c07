"""The batch to copy: found by its reference, or recorded from what the caller selects."""

from models.engine import begin, reading
from models.errors import InvalidRequest
from models.order_filters import OrderFilter
from models.requests import CopyOptions
from tasks.batch_records import require_batch
from tasks.selections.checking import check_selection
from tasks.selections.reading import Orders, read_selection
from tasks.selections.recording import record_failed, record_filtered, record_rows


def find_or_record(
    reference: str,
    options: CopyOptions,
    orders: Orders | None = None,
    orders_where: OrderFilter | None = None,
    failed_of: str | None = None,
) -> int:
    """The key of the batch: the one of the reference, or a new one, all its factories pending.

    At most one selection may be given; without any, the batch must exist. Raises
    `SelectionInvalid`, `InvalidRequest` or `BatchNotFound`, and nothing is written then.
    """
    given = {"orders": orders, "orders_where": orders_where, "failed_of": failed_of}
    names = [name for name, value in given.items() if value is not None]
    if len(names) > 1:
        raise InvalidRequest(f"Give only one of {', '.join(given)}; not {' and '.join(names)}.")
    if orders is not None:
        selection = check_selection(read_selection(orders), options)
        with begin() as db:
            return record_rows(db, reference, selection)
    if orders_where is not None:
        with begin() as db:
            return record_filtered(db, reference, orders_where, options)
    if failed_of is not None:
        with begin() as db:
            return record_failed(db, reference, failed_of, options)
    with reading() as db:
        return require_batch(db, reference)
