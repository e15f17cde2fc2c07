"""What the steps of one transaction share, besides the temporary tables."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from order_factory.models.results.step_times import StepTimes


class Finding(NamedTuple):
    """Errors of one kind in the copies in hand; for a single order, one error."""

    field: str
    code: str
    errors: int
    orders: int
    message: str


@dataclass(frozen=True)
class Batch:
    """The copies that one transaction holds: how many, since when (UTC), and for which run.

    `snapshot` is that of the database before the first check: see
    `order_factory.models.database.dialects.snapshot`. Where the copies were `prefetched`, see
    `order_factory.tasks.prefetch`. In a batch that is `followed` each step is a Prefect task run;
    `findings` are then the errors recorded so far, and `notes` what the check step says besides;
    one that `is_part` of a recorded batch never shows a task as failed for its orders' errors.
    """

    size: int
    started_at: datetime
    flow_run_id: str | None
    snapshot: str | None
    single: bool = False
    prefetched: bool = False
    followed: bool = False
    is_part: bool = False
    times: StepTimes = field(default_factory=StepTimes)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
