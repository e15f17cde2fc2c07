"""The customer: a target order belongs to the customer of its source order."""

from sqlalchemy import Connection, and_, func, null, update

from models.statuses import CustomerStatus
from tasks.errors import record
from tasks.work_tables import copies


def check_customers(db: Connection) -> int:
    """Record orders of nobody, and of customers who are deleted or blocked; how many errors.

    With `skip_errors` such a customer is left out of the target order, and the wallet too.
    """
    nobody = and_(copies.c.customer_id.is_(None), func.coalesce(copies.c.customer_email, "") == "")
    found = record(
        db, "customer", "customer_missing", "the order has no customer and no email", nobody
    )
    for status in (CustomerStatus.DELETED, CustomerStatus.BLOCKED):
        found += record(
            db,
            "customer",
            f"customer_{status}",
            f"the customer is {status}",
            copies.c.customer_status == status,
        )
    if found:
        barred = copies.c.customer_status.in_([CustomerStatus.DELETED, CustomerStatus.BLOCKED])
        left_out = update(copies).where(copies.c.skip_errors, barred)
        names = ("customer_id", "customer_email", "target_payment_source_id")
        db.execute(left_out.values(dict.fromkeys(names, null())))
    return found
