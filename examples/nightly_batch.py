"""A nightly batch with a report: copy the orders of the last 24 hours that have no copy yet.

    ORDER_FACTORY_DATABASE_URL=postgresql://... python examples/nightly_batch.py

The date is the name of the batch. If the script is run again on the same day, it finishes that batch
and copies nothing twice. The exit code is 1 if an order could not be copied.
"""

import sys

from order_factory.flows import bulk_order_factory
from order_factory.models.requests.order_filters import OrderFilter
from order_factory.models.results.copies import BatchFailed, BulkResult
from order_factory.models.values.clock import utc_now


def copy_the_night() -> BulkResult:
    """Return the result of the batch, even if no order could be copied."""
    night = f"nightly-{utc_now():%Y-%m-%d}"
    orders = OrderFilter(placed_within="24 hours", not_copied_yet=True)
    try:
        return bulk_order_factory(
            orders_where=orders, reference=night, report_path=f"var/reports/{night}.csv"
        )
    except BatchFailed as failure:
        return failure.result


def main() -> int:
    result = copy_the_night()
    print(f"{result.reference}: {result.completed} of {result.orders_count} orders copied")
    for error in result.errors:
        print(f"{error.count} x {error.field}, {error.code}: {error.example_message}")
    if result.report_path:
        print(f"report: {result.report_path}")
    return 1 if result.failed else 0


if __name__ == "__main__":
    sys.exit(main())
