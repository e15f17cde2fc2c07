"""What the steps of one transaction share, apart from the temporary tables."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from order_factory.models.results.step_times import StepTimes


class Finding(NamedTuple):
    """The errors of one kind in the current copies; for a single order, one error."""

    field: str
    code: str
    errors: int
    orders: int
    message: str


@dataclass(frozen=True)
class Batch:
    """The copies of one transaction: their number, the start (UTC), and the flow run.

    `snapshot` is the snapshot before the first check; see
    `order_factory.models.database.dialects.snapshot`. For `prefetched` copies, see
    `order_factory.tasks.prefetch`. If the batch is `followed`, each step is a Prefect task run;
    `findings` are then the errors recorded so far, and `notes` are what the check step adds to
    its message. A batch that `is_part` of a recorded one never shows a task as failed because of
    errors in its orders.
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
