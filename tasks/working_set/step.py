"""A step of copying: a part of a transaction, and a task run where a person follows it.

The steps of a part share one savepoint: where one of them fails, all that they wrote is taken back.
"""

from collections.abc import Callable, Collection
from time import perf_counter

from sqlalchemy import Connection, Select
from sqlalchemy.exc import DBAPIError

from order_factory.models.database.transient import is_transient, without_values
from order_factory.models.errors import OrderFactoryError, TryAgain
from order_factory.tasks.working_set.batch import Batch
from order_factory.tasks.working_set.step_runs import StepRun, claim_errors

StepFunction = Callable[[Connection, Batch], int]
Asked = Select[tuple[bool]]


class StepFailed(OrderFactoryError):
    """A step met something that no check knows of. Takes the field of `errors_log` and the words."""

    status, code = 500, "step_failed"
    detail = "{1}"

    @property
    def field(self) -> str:
        return str(self.args[0])


class Step:
    """A step of copying: called with the transaction and its batch, it returns a number of rows.

    In a batch that is followed it is a task run, whose state says what became of its part of the
    orders. A step that not every order asks for does nothing, and returns 0, where none does.
    """

    def __init__(
        self,
        name: str,
        field: str,
        function: StepFunction,
        asked: Asked | None,
        errors: Collection[str] | None,
        idle: str,
    ) -> None:
        self.name = name
        self.__name__ = function.__name__
        self.__doc__ = function.__doc__
        self._field = field
        self._function = function
        self._asked = asked
        may_find = errors is None or asked is not None
        self._task_run = StepRun(name, idle, self.fn, may_find=may_find, tells_rest=errors is None)

    def __call__(self, db: Connection, batch: Batch) -> int:
        began = perf_counter()
        rows = self._task_run(db, batch) if batch.followed else self.fn(db, batch)
        batch.times.add(self.name, rows, perf_counter() - began)
        return rows

    def fn(self, db: Connection, batch: Batch) -> int:
        """The same without Prefect.

        What the database refuses comes out as `StepFailed` (or `TryAgain`), told without the rows'
        values: Prefect logs the exception of a task.
        """
        try:
            if self._asked is not None and not db.scalar(self._asked):
                return 0
            return self._function(db, batch)
        except DBAPIError as error:
            raise explained(error, self._field) from None
        except Exception as error:
            raise explained(error, self._field) from error


def step(
    name: str,
    field: str,
    asked: Asked | None = None,
    errors: Collection[str] | None = (),
    idle: str = "Nothing to do.",
) -> Callable[[StepFunction], Step]:
    """Make a function of the transaction and its batch a step; it returns a number of rows.

    `field` is the key in `errors_log` for what no check knows of. `asked` selects whether some
    order in hand asks for the step; without it, all do. `errors` are the fields, or the codes, of
    the errors that this step's task run tells; None for those that no other step tells. `idle`
    says why the step had nothing to do.
    """
    claim_errors(name, errors or ())
    return lambda function: Step(name, field, function, asked, errors, idle)


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
    explanation = explained(error, "target_order")
    if isinstance(explanation, TryAgain):
        raise explanation from None
    if isinstance(explanation, StepFailed):
        return explanation
    return StepFailed("target_order", str(explanation))
