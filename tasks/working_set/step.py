"""A step of copying: a part of a transaction, and a Prefect task run if the batch is followed.

The steps of a part share one savepoint: if one fails, all that they wrote is rolled back.
"""

from collections.abc import Callable, Collection
from time import perf_counter

from sqlalchemy import Connection, Select
from sqlalchemy.exc import DBAPIError

from order_factory.models.database.transient import is_transient, without_values
from order_factory.models.errors import OrderFactoryError, TryAgain
from order_factory.tasks.working_set.batch import Batch
from order_factory.tasks.working_set.step_runs import StepRun, assign_errors

StepFunction = Callable[[Connection, Batch], int]
Needed = Select[tuple[bool]]


class StepFailed(OrderFactoryError):
    """A step failed for an unexpected reason. The arguments are the field and the message."""

    status, code = 500, "step_failed"
    detail = "{1}"

    @property
    def field(self) -> str:
        return str(self.args[0])


class Step:
    """A step of copying: called with the connection and its batch, it returns a number of rows.

    In a followed batch it is a task run. The state of the run says how the step ended for the
    orders. If no order needs the step, it does nothing and returns 0.
    """

    def __init__(
        self,
        name: str,
        field: str,
        function: StepFunction,
        needed: Needed | None,
        errors: Collection[str] | None,
        idle: str,
    ) -> None:
        self.name = name
        self.__name__ = function.__name__
        self.__doc__ = function.__doc__
        self._field = field
        self._function = function
        self._needed = needed
        may_find = errors is None or needed is not None
        self._task_run = StepRun(
            name, idle, self.fn, may_find=may_find, reports_rest=errors is None
        )

    def __call__(self, db: Connection, batch: Batch) -> int:
        started = perf_counter()
        rows = self._task_run(db, batch) if batch.followed else self.fn(db, batch)
        batch.times.add(self.name, rows, perf_counter() - started)
        return rows

    def fn(self, db: Connection, batch: Batch) -> int:
        """Run the step without Prefect.

        An error of the database becomes `StepFailed` or `TryAgain`, without the rows' values:
        Prefect logs the exception of a task.
        """
        try:
            if self._needed is not None and not db.scalar(self._needed):
                return 0
            return self._function(db, batch)
        except DBAPIError as error:
            raise explain_error(error, self._field) from None
        except Exception as error:
            raise explain_error(error, self._field) from error


def step(
    name: str,
    field: str,
    needed: Needed | None = None,
    errors: Collection[str] | None = (),
    idle: str = "Nothing to do.",
) -> Callable[[StepFunction], Step]:
    """Make a step of a function that takes the connection and its batch and returns a row count.

    `field` is the key in `errors_log` for errors that no check finds. `needed` selects whether a
    current order needs the step; without it, all do. `errors` are the fields or codes of the
    errors that this step's task run reports; None means those that no other step reports. `idle`
    says why the step had nothing to do.
    """
    assign_errors(name, errors or ())
    return lambda function: Step(name, field, function, needed, errors, idle)


def explain_error(error: Exception, field: str) -> OrderFactoryError:
    """Convert an exception to an error that contains no values of rows and can be pickled."""
    if isinstance(error, OrderFactoryError):
        return error
    if not isinstance(error, DBAPIError):
        return StepFailed(field, f"could not be copied: unexpected {type(error).__name__}")
    message = without_values(error)
    if is_transient(error):
        return TryAgain(message)
    return StepFailed(field, f"could not be copied: the database refused a row ({message})")


def convert_to_failure(error: Exception) -> StepFailed:
    """Convert the exception of a step to a failure for the `errors_log` of the order.

    Raises `TryAgain` for a transient failure, since no order causes it.
    """
    explanation = explain_error(error, "target_order")
    if isinstance(explanation, TryAgain):
        raise explanation from None
    if isinstance(explanation, StepFailed):
        return explanation
    return StepFailed("target_order", str(explanation))
