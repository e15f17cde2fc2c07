"""A step of copying: a Prefect task that runs in one savepoint of the batch's transaction."""

from collections.abc import Callable
from functools import wraps

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from models.errors import OrderFactoryError
from models.transient import is_transient, without_values
from tasks.batch import Batch
from tasks.run_logs import log_step

StepFunction = Callable[[Connection, Batch], int]


class StepFailed(OrderFactoryError):
    """A step met something that no check knows of. Takes the field of `errors_log` and the words."""

    status, code = 500, "step_failed"
    detail = "{1}"

    @property
    def field(self) -> str:
        return str(self.args[0])


class TryAgain(OrderFactoryError):
    """A passing fault of the database; the transaction is rolled back and run again."""

    status, code = 503, "try_again"
    detail = "the database could not finish the transaction ({}); it is safe to run it again"


def step(name: str, field: str) -> Callable[[StepFunction], Task[[Connection, Batch], int]]:
    """Make a function of the transaction and its batch a step; it returns a number of rows.

    What the database refuses comes out as `StepFailed` (or `TryAgain`), told without the rows'
    values: Prefect logs the exception of a task.
    """

    def decorate(function: StepFunction) -> Task[[Connection, Batch], int]:
        @wraps(function)
        def in_savepoint(db: Connection, batch: Batch) -> int:
            try:
                with db.begin_nested():
                    rows = function(db, batch)
            except DBAPIError as error:
                raise explained(error, field) from None
            except Exception as error:
                raise explained(error, field) from error
            log_step(name, rows)
            return rows

        return task(name=name, task_run_name=name, cache_policy=NO_CACHE)(in_savepoint)

    return decorate


def explained(error: Exception, field: str) -> OrderFactoryError:
    """The same failure as an error that names no row's values and survives pickling."""
    if isinstance(error, OrderFactoryError):
        return error
    if not isinstance(error, DBAPIError):
        return StepFailed(field, f"could not be copied: unexpected {type(error).__name__}")
    told = without_values(error)
    if is_transient(error):
        return TryAgain(told)
    return StepFailed(field, f"could not be copied: the database refused a row ({told})")


def as_failure(error: Exception) -> StepFailed:
    """What a step raised, as a failure to record in the `errors_log` of the one order at fault.

    Raises `TryAgain` instead for a passing fault, which is no order's.
    """
    told = explained(error, "target_order")
    if isinstance(told, TryAgain):
        raise told from None
    return told if isinstance(told, StepFailed) else StepFailed("target_order", str(told))
