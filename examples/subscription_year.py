"""A year of a monthly subscription with a simulated clock: twelve copies in a minute.

    python examples/subscription_year.py

It uses a separate shop in var/subscription-year.db, because its copies are in the future.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

DATABASE = Path("var/subscription-year.db").absolute()
os.environ["ORDER_FACTORY_DATABASE_URL"] = f"sqlite:///{DATABASE}"

from sqlalchemy import select

from order_factory.flows import import_orders, run_order_subscriptions
from order_factory.models.database.engine import begin
from order_factory.models.database.schema import upgrade
from order_factory.models.requests.subscriptions import SubscriptionOptions
from order_factory.models.tables import Order, OrderFactory
from order_factory.models.values.clock import stop_clock
from order_factory.models.values.statuses import Mode
from order_factory.tasks.factories.source_orders import require_order
from order_factory.tasks.subscriptions.creation import create_subscription
from order_factory.tasks.subscriptions.transitions import activate_created

START = datetime(2027, 1, 31, 9, tzinfo=UTC)


def main() -> None:
    DATABASE.parent.mkdir(exist_ok=True)
    DATABASE.unlink(missing_ok=True)
    upgrade()
    import_orders(str(Path(__file__).parent / "shop"))
    options = SubscriptionOptions(frequency="monthly", time_zone="Europe/Rome", starts_at=START)
    with stop_clock(START), begin() as db:
        key = create_subscription(db, require_order(db, "1002", Mode.LIVE), options, START)
        activate_created(db, key, START)
    for month in range(1, 13):
        with stop_clock(START + timedelta(days=31 * month)):
            run_order_subscriptions()
    renewals = (
        select(OrderFactory.period_at, Order.number, Order.status)
        .join(Order, Order.id == OrderFactory.target_order_id)
        .order_by(OrderFactory.period_at)
    )
    with begin() as db:
        for period, number, status in db.execute(renewals):
            print(f"{period:%Y-%m-%d %H:%M}  {number}  {status}")


if __name__ == "__main__":
    main()
