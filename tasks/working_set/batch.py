"""What the steps of one transaction share, besides the temporary tables."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Batch:
    """The copies that one transaction holds: how many, since when (UTC), and for which run.

    `snapshot` is that of the database before the first check: see `order_factory.models.database.dialects.snapshot`. An order
    that is `single` is followed step by step. Where it was `prefetched`, see `order_factory.tasks.prefetch`.
    """

    size: int
    started_at: datetime
    flow_run_id: str | None
    snapshot: str | None
    single: bool = False
    prefetched: bool = False
