"""The customer: a target order belongs to the customer of its source order."""

from sqlalchemy import Connection, and_, func, null, or_, update

from order_factory.models.values.statuses import CustomerStatus
from order_factory.tasks.working_set.copy_errors import errors, some_copy
from order_factory.tasks.working_set.statements import execute_and_count
from order_factory.tasks.working_set.tables import copies

_BARRED = (CustomerStatus.DELETED, CustomerStatus.BLOCKED)

_is_missing = and_(copies.c.customer_id.is_(None), func.coalesce(copies.c.customer_email, "") == "")
_is_barred = copies.c.customer_status.in_(_BARRED)
_SOME_WRONG = some_copy(or_(_is_missing, _is_barred))

_ERRORS = (
    errors("customer", "customer_missing", "the order has no customer and no email", _is_missing),
    *(
        errors(
            "customer",
            f"customer_{status}",
            f"the customer is {status}",
            copies.c.customer_status == status,
        )
        for status in _BARRED
    ),
)
_LEAVE_OUT = (
    update(copies)
    .where(copies.c.skip_errors, _is_barred)
    .values(customer_id=null(), customer_email=null(), target_payment_source_id=null())
)


def check_customers(db: Connection) -> int:
    """Record orders of nobody, and of customers who are deleted or blocked; how many errors.

    With `skip_errors` such a customer is left out of the target order, and the wallet too.
    """
    if not db.scalar(_SOME_WRONG):
        return 0
    found = sum(execute_and_count(db, statement) for statement in _ERRORS)
    db.execute(_LEAVE_OUT)
    return found
