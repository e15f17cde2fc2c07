"""What the steps of one transaction share, besides the work tables."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Batch:
    """The copies that one transaction holds: how many, since when (UTC), and for which run.

    `moment` is that of the database before the first check: see `order_factory.models.database.dialects.moment`. An order
    that is `alone` is followed step by step. Where it was `read_ahead`, see `order_factory.tasks.prefetch`.
    """

    size: int
    started_at: datetime
    flow_run_id: str | None
    moment: str | None
    alone: bool = False
    read_ahead: bool = False
