"""A dry run of one copy, in a transaction that is rolled back."""

from sqlalchemy import Connection

from order_factory.tasks.copying.engine import copy_claimed
from order_factory.tasks.outcomes.answers import record_approvals
from order_factory.tasks.payments.claiming import Scope
from order_factory.tasks.working_set.claims import claim_factory


def rehearse_copy(db: Connection, factory_id: int, flow_run_id: str | None = None) -> None:
    """Copy this pending factory as a real run does.

    Payments count as approved; no gateway is called.
    The caller reads the result and rolls the transaction back.
    """
    if claim_factory(db, factory_id):
        copy_claimed(db, 1, flow_run_id)
        while record_approvals(db, Scope(factory_id=factory_id), flow_run_id):
            pass
