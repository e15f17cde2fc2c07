"""The customer: a target order belongs to the customer of its source order."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    and_,
    exists,
    func,
    null,
    or_,
    select,
    update,
)

from order_factory.models.database.dialects import snapshot
from order_factory.models.errors import TryAgain
from order_factory.models.tables import Customer
from order_factory.models.values.error_codes import ErrorCode
from order_factory.models.values.statuses import CustomerStatus
from order_factory.tasks.working_set.batch import Batch
from order_factory.tasks.working_set.copy_errors import insert_errors
from order_factory.tasks.working_set.statements import execute_and_count, table_of
from order_factory.tasks.working_set.step import step
from order_factory.tasks.working_set.tables import copies

BARRED_STATUSES = (CustomerStatus.DELETED, CustomerStatus.BLOCKED)

_customer = table_of(Customer)
_is_missing = and_(copies.c.customer_id.is_(None), func.coalesce(copies.c.customer_email, "") == "")
_is_barred = copies.c.customer_status.in_(BARRED_STATUSES)
HAS_WRONG_CUSTOMER = or_(_is_missing, _is_barred)

_ERRORS = (
    insert_errors(
        ErrorCode.CUSTOMER_MISSING,
        "the order has no customer and no email",
        _is_missing,
    ),
    *(
        insert_errors(
            ErrorCode(f"customer_{status}"),
            f"the customer is {status}",
            copies.c.customer_status == status,
        )
        for status in BARRED_STATUSES
    ),
)
_LEAVE_OUT = (
    update(copies)
    .where(copies.c.skip_errors, _is_barred)
    .values(
        customer_id=null(),
        customer_email=null(),
        customer_email_key=null(),
        target_payment_source_id=null(),
    )
)

has_customer = or_(copies.c.customer_id.is_not(None), copies.c.customer_email.is_not(None))

_COUNT_WITH_CUSTOMER = select(func.count()).select_from(copies).where(copies.c.valid, has_customer)
_IS_BARRED_NOW = select(
    exists().where(
        copies.c.valid,
        _customer.c.id == copies.c.customer_id,
        _customer.c.status.in_(BARRED_STATUSES),
    )
)


def check_customers(db: Connection) -> int:
    """Record orders without a customer, and customers who are deleted or blocked.

    With `skip_errors`, such a customer is left out of the target order, and so is the wallet.
    Returns the number of errors.
    """
    error_count = sum(execute_and_count(db, statement) for statement in _ERRORS)
    db.execute(_LEAVE_OUT)
    return error_count


def customer_columns(source: FromClause) -> dict[str, ColumnElement[Any]]:
    """Return the customer columns of a target order; `source` is its source order."""
    return {
        "customer_id": copies.c.customer_id,
        "customer_email": copies.c.customer_email,
        "customer_email_key": copies.c.customer_email_key,
        "guest": source.c.guest,
    }


@step(
    name="copy customers",
    field="customer",
    errors=("customer", "target_customer"),
    idle="No target order gets a customer.",
)
def copy_customers(db: Connection, batch: Batch) -> int:
    """Confirm the customers of the target orders.

    Returns how many orders get a customer or an email.
    The columns (`customer_columns`) are inserted with the target orders. Raises `TryAgain` if a
    customer was deleted or blocked after the check.
    """
    # With the same snapshot, no other transaction has changed anything.
    if snapshot(db) != batch.snapshot and db.scalar(_IS_BARRED_NOW):
        raise TryAgain("a customer was blocked during the copy")
    return db.scalar(_COUNT_WITH_CUSTOMER) or 0
