"""Running a transaction again after a passing fault of the database, and after nothing else."""

from typing import Any

from prefect import State, Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import TaskRun
from prefect.tasks import exponential_backoff

from order_factory.models.database.transient import is_transient
from order_factory.models.errors import DatabaseNotReady
from order_factory.tasks.working_set.step import TryAgain

RETRIES = 5
DELAYS = exponential_backoff(backoff_factor=0.2)
JITTER = 0.5


def passes(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether what failed may succeed when the task runs again from its beginning.

    For tasks that open their own transaction: the one that failed was rolled back. A database
    that cannot be opened is being restarted: the flow has used it before.
    """
    error = state.result(raise_on_failure=False)
    return isinstance(error, TryAgain | DatabaseNotReady) or (
        isinstance(error, BaseException) and is_transient(error)
    )


# The options of a task that opens a transaction of its own.
AGAIN: dict[str, Any] = {
    "cache_policy": NO_CACHE,
    "retries": RETRIES,
    "retry_delay_seconds": DELAYS,
    "retry_jitter_factor": JITTER,
    "retry_condition_fn": passes,
}
