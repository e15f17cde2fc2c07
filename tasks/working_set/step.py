"""A step of copying: a part of the batch's transaction, and for an order alone a task run.

The steps of a part share one savepoint: where one of them fails, all that they wrote is taken back.
"""

from collections.abc import Callable
from functools import wraps

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from sqlalchemy import Connection, Select
from sqlalchemy.exc import DBAPIError

from order_factory.models.database.transient import is_transient, without_values
from order_factory.models.errors import OrderFactoryError
from order_factory.tasks.prefect_ui.run_logs import log_step
from order_factory.tasks.working_set.batch import Batch

StepFunction = Callable[[Connection, Batch], int]
Asked = Select[tuple[bool]]


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


class Step:
    """A step of copying: called with the transaction and its batch, it returns a number of rows.

    For an order that is copied alone it is a task run, which a person can follow. For a batch it
    only says in the log how many rows it wrote: the batch is the task run, and Prefect's cost goes
    with those. One that not every order asks for does nothing, and returns 0, where none does.
    """

    def __init__(self, run: Task[[Connection, Batch], int], asked: Asked | None) -> None:
        self._run = run
        self._asked = asked

    def __call__(self, db: Connection, batch: Batch) -> int:
        run = self._run if batch.single else self._run.fn
        return run(db, batch) if self._is_asked(db) else 0

    @property
    def fn(self) -> StepFunction:
        """The same without Prefect."""

        @wraps(self._run.fn)
        def plain(db: Connection, batch: Batch) -> int:
            return self._run.fn(db, batch) if self._is_asked(db) else 0

        return plain

    @property
    def is_always_run(self) -> bool:
        return self._asked is None

    def _is_asked(self, db: Connection) -> bool:
        return self._asked is None or bool(db.scalar(self._asked))


def step(name: str, field: str, asked: Asked | None = None) -> Callable[[StepFunction], Step]:
    """Make a function of the transaction and its batch a step; it returns a number of rows.

    `asked` selects whether some order in hand asks for it; without it, all do. What the database
    refuses comes out as `StepFailed` (or `TryAgain`), told without the rows' values: Prefect logs
    the exception of a task.
    """

    def decorate(function: StepFunction) -> Step:
        @wraps(function)
        def message(db: Connection, batch: Batch) -> int:
            try:
                rows = function(db, batch)
            except DBAPIError as error:
                raise explained(error, field) from None
            except Exception as error:
                raise explained(error, field) from error
            log_step(name, rows)
            return rows

        run = task(name=name, task_run_name=name, cache_policy=NO_CACHE)(message)
        return Step(run, asked)

    return decorate


def explained(error: Exception, field: str) -> OrderFactoryError:
    """The same failure as an error that names no row's values and survives pickling."""
    if isinstance(error, OrderFactoryError):
        return error
    if not isinstance(error, DBAPIError):
        return StepFailed(field, f"could not be copied: unexpected {type(error).__name__}")
    message = without_values(error)
    if is_transient(error):
        return TryAgain(message)
    return StepFailed(field, f"could not be copied: the database refused a row ({message})")


def as_failure(error: Exception) -> StepFailed:
    """What a step raised, as a failure to record in the `errors_log` of the one order at fault.

    Raises `TryAgain` instead for a passing fault, which is no order's.
    """
    message = explained(error, "target_order")
    if isinstance(message, TryAgain):
        raise message from None
    return message if isinstance(message, StepFailed) else StepFailed("target_order", str(message))
