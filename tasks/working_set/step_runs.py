"""Steps as Prefect task runs. Their states say how each step ended.

For a single order, a step with errors ends `Failed` with their messages. If the wrong part is
left out of the copy, it ends `CompletedWithErrors`. In a batch it ends `CompletedWithErrors` with
the counts. A step that had nothing to do ends `Skipped`.
"""

from collections.abc import Callable, Collection
from typing import Any

from prefect import State, task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed, Failed
from sqlalchemy import Connection, and_, distinct, func, not_, or_, select

from order_factory.models.errors import OrderFactoryError
from order_factory.models.tables import CopyError
from order_factory.models.values.counts import format_count
from order_factory.tasks.prefect_ui.run_logs import log_line
from order_factory.tasks.working_set.batch import Batch, Finding
from order_factory.tasks.working_set.copy_errors import has_fatal_error
from order_factory.tasks.working_set.tables import copies

WITH_ERRORS = "CompletedWithErrors"
SKIPPED = "Skipped"
_MESSAGES_SHOWN = 20
# The step that reports the errors of a field, or of a code, in its task run.
_step_of_error: dict[str, str] = {}


def assign_errors(step: str, fields_or_codes: Collection[str]) -> None:
    """Let the task run of this step report the errors of these fields and codes, and no other."""
    for error in fields_or_codes:
        other = _step_of_error.setdefault(error, step)
        assert other == step, f"{other} and {step} both report {error}"


def find_reporting_step(field: str, code: str) -> str | None:
    """Return the step that reports this error in its task run, or None for the check step."""
    return _step_of_error.get(code) or _step_of_error.get(field)


class StepRun:
    """A step as a task run.

    `may_find` says that the step may record errors. `reports_rest` marks the check step: it
    reports all errors that no other step reports, and is never idle.
    """

    def __init__(
        self,
        name: str,
        idle: str,
        run: Callable[[Connection, Batch], int],
        *,
        may_find: bool,
        reports_rest: bool,
    ) -> None:
        self._name = name
        self._idle = idle
        self._run = run
        self._may_find = may_find
        self._reports_rest = reports_rest
        decorate = task(name=name, task_run_name=name, cache_policy=NO_CACHE)
        self._task = decorate(self._end)

    def __call__(self, db: Connection, batch: Batch) -> int:
        """Return the number of rows. Raises what the step raises; the caller has the savepoint."""
        state = self._task(db, batch, return_state=True)
        ended: Any = state.result(raise_on_failure=False)
        if isinstance(ended, Exception):
            raise ended
        return int(ended)

    def _end(self, db: Connection, batch: Batch) -> State[Any]:
        """Run the step. The final state holds the number of rows, or what the step raised."""
        try:
            rows = self._run(db, batch)
        except OrderFactoryError as error:
            return _describe_failure(error, batch)
        if self._may_find:
            batch.findings[:] = _find_errors(db, batch)
        state = self._state(db, batch, rows)
        log_line(f"{self._name}: {state.message}")
        return state

    def _state(self, db: Connection, batch: Batch, rows: int) -> State[Any]:
        reporter = None if self._reports_rest else self._name
        own_findings = [
            finding
            for finding in batch.findings
            if find_reporting_step(finding.field, finding.code) == reporter
        ]
        if not own_findings:
            if not rows and not self._reports_rest:
                return Completed(name=SKIPPED, message=self._explain_idle(db, batch), data=rows)
            message = f"{rows:,} row{'s' * (rows != 1)}"
            if self._reports_rest:
                message = " ".join([_count_errors(batch.findings), *batch.notes])
            return Completed(message=message, data=rows)
        message = _messages(own_findings) if batch.single else _counts(own_findings)
        if batch.single and not batch.is_part and _fails(db):
            return Failed(message=message, data=rows)
        return Completed(name=WITH_ERRORS, message=message, data=rows)

    def _explain_idle(self, db: Connection, batch: Batch) -> str:
        if batch.findings and not db.scalar(select(func.count()).where(copies.c.valid)):
            return "Not copied: see the errors of the other tasks."
        return self._idle


def _describe_failure(error: OrderFactoryError, batch: Batch) -> State[Any]:
    """Return the state of a step that raised. With several orders, halving finds the faulty one."""
    if (batch.single and not batch.is_part) or error.code == "try_again":
        return Failed(message=str(error), data=error)
    message = str(error)
    if not batch.single:
        message += "; the orders are copied in smaller parts to find the faulty one"
    return Completed(name=WITH_ERRORS, message=message, data=error)


def _find_errors(db: Connection, batch: Batch) -> list[Finding]:
    """Return the errors of the current copies: each error of a single order, otherwise by kind."""
    error = CopyError.__table__.c
    errors_of_copies = select(error.field, error.code).join(
        copies, copies.c.factory_id == error.order_factory_id
    )
    if batch.single:
        rows = errors_of_copies.add_columns(error.message).order_by(error.id)
        return [Finding(row.field, row.code, 1, 1, row.message) for row in db.execute(rows)]
    orders = func.count(distinct(error.order_factory_id))
    rows = errors_of_copies.add_columns(func.count(), orders, func.min(error.message))
    rows = rows.group_by(error.field, error.code).order_by(error.field, error.code)
    return [Finding(*row) for row in db.execute(rows)]


def _fails(db: Connection) -> bool:
    """Return whether the single order fails.

    With `skip_errors`, only its wrong parts are left out.
    """
    is_copied = and_(copies.c.valid, or_(copies.c.skip_errors, not_(has_fatal_error())))
    return not db.scalar(select(is_copied))


def _count_errors(findings: list[Finding]) -> str:
    count = sum(finding.errors for finding in findings)
    if not count:
        return "No error found."
    return f"{format_count(count, 'error')} found."


def _messages(findings: list[Finding]) -> str:
    shown = [f"{finding.field}: {finding.message}" for finding in findings[:_MESSAGES_SHOWN]]
    more = len(findings) - len(shown)
    return "; ".join([*shown, *([f"and {more:,} more"] if more else [])])


def _counts(findings: list[Finding]) -> str:
    return "; ".join(
        f"{finding.field}: {finding.code} in {finding.orders:,} order{'s' * (finding.orders != 1)}"
        f" (for example: {finding.message})"
        for finding in findings
    )
