"""The wallet: the payment source that the customer saved is copied, and no other."""

from datetime import datetime

from sqlalchemy import Connection, Insert, and_, exists, literal, null, update

from models import CustomerPaymentSource, PaymentSource
from models.dialects import day
from tasks.batch import Batch
from tasks.errors import record
from tasks.inserts import at, carried, insert_select, table_of, times, unchanged, written
from tasks.steps import step
from tasks.work_tables import copies

CARRIED = carried(PaymentSource)


def check_wallets(db: Connection, now: datetime) -> int:
    """Record saved payment sources that have expired, and those in someone else's wallet.

    A payment source that was never saved is no error here: it is not copied. Returns how many
    errors; with `skip_errors` the payment source is left out of the target order.
    """
    source = table_of(PaymentSource)
    in_wallet = source.c.id == copies.c.wallet_payment_source_id
    expired = and_(copies.c.reuse_wallet, source.c.expires_at <= at(now))
    found = record(
        db,
        "payment_source",
        "payment_source_expired",
        literal("the saved payment source expired on ") + day(db, source.c.expires_at),
        expired,
        joins=[(source, in_wallet)],
    )
    if found:
        left_out = update(copies).where(copies.c.skip_errors, in_wallet, expired)
        db.execute(left_out.values(target_payment_source_id=null()))
    saved_by_anyone = exists().where(
        CustomerPaymentSource.payment_source_id.in_([source.c.id, source.c.copied_from_id])
    )
    return found + record(
        db,
        "payment_source",
        "payment_source_foreign",
        "the payment source stands in another customer's wallet",
        copies.c.reuse_wallet,
        copies.c.wallet_payment_source_id.is_(None),
        saved_by_anyone,
        joins=[(source, source.c.id == copies.c.payment_source_id)],
    )


def insert_payment_sources(now: datetime) -> Insert:
    """One new payment source per sound copy that reuses its customer's wallet."""
    source = table_of(PaymentSource)
    values = {
        "id": copies.c.target_payment_source_id,
        "copied_from_id": source.c.id,
        **unchanged(CARRIED),
        **times(now),
    }
    rows = copies.join(source, source.c.id == copies.c.wallet_payment_source_id)
    wanted = copies.c.target_payment_source_id.is_not(None)
    return insert_select(PaymentSource, values, rows, copies.c.sound, wanted)


@step(name="copy wallets", field="payment_source")
def copy_wallets(db: Connection, batch: Batch) -> int:
    """Copy the payment sources that stand in the customers' wallets; rows written."""
    return written(db, insert_payment_sources(batch.started_at))
