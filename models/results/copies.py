"""The results of copying: pydantic models for Prefect, the command line and the API."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from order_factory.models.errors import OrderFactoryError
from order_factory.models.results.differences import Difference
from order_factory.models.values.counts import format_count
from order_factory.models.values.error_policies import ErrorPolicy
from order_factory.models.values.option_values import CopyOptionValues
from order_factory.models.values.statuses import (
    BatchStatus,
    FactoryStatus,
    FactoryType,
    Mode,
    OrderStatus,
)

if TYPE_CHECKING:
    import pandas as pd


class Result(BaseModel):
    model_config = ConfigDict(frozen=True)


class OrderRef(Result):
    """An order by its public id. An order that was never placed may have no number."""

    id: str = Field(description="Public id of the order.")
    number: str | None = Field(description="The order's number.")
    status: OrderStatus = Field(description="The order's status when the result was read.")


class _Outcome(Result):
    """The fields that come first in a result."""

    id: str = Field(description="Public id of the order factory.")
    type: FactoryType = Field(description="Created by a caller, or by an order subscription.")
    mode: Mode = Field(description="The mode of its orders: test or live.")
    status: FactoryStatus = Field(description="Status of the copy.")
    source_order: OrderRef = Field(description="The order that is copied.")
    target_order: OrderRef | None = Field(description="The copy; null until there is one.")
    started_at: datetime | None = Field(description="When the copy started, in UTC.")
    completed_at: datetime | None = Field(description="When it completed, in UTC.")
    failed_at: datetime | None = Field(description="When it failed, in UTC.")
    errors_log: dict[str, list[str]] | None = Field(
        description="Field names with their messages; null if there are none."
    )
    errors_count: int = Field(description="Number of messages in errors_log.")

    @field_validator("errors_log")
    @classmethod
    def _sort(cls, log: dict[str, list[str]] | None) -> dict[str, list[str]] | None:
        """Return the log in the order of its fields: PostgreSQL puts short names first."""
        return None if log is None else dict(sorted(log.items()))


class OrderFactoryResult(CopyOptionValues, _Outcome):
    """Every attribute of an order factory, named as in the public API reference. Times are UTC."""

    reference: str | None = Field(description="The caller's own name for it.")
    reference_origin: str | None = Field(description="System that the reference comes from.")
    metadata: dict[str, Any] | None = Field(description="The caller's own data.")
    batch_reference: str | None = Field(description="The batch that it belongs to.")
    flow_run_id: str | None = Field(description="The Prefect flow run that made it.")
    created_at: datetime = Field(description="When it was requested, in UTC.")
    updated_at: datetime = Field(description="When it last changed, in UTC.")
    made_before: bool = Field(
        default=False, description="An earlier call recorded it; it was not copied a second time."
    )


class OrderFactoryPreview(OrderFactoryResult):
    """The result that a copy would have, and its differences from the source. It was rolled back."""

    dry_run: bool = Field(default=True, description="Everything was rolled back.")
    differences: list[Difference] | None = Field(
        description="How the copy differs from its source; null if it cannot be made."
    )


class OrderFactoryFailed(OrderFactoryError):
    """The copy failed. It has the `OrderFactoryResult`."""

    status, code = 422, "order_factory_failed"

    def __init__(self, result: OrderFactoryResult) -> None:
        super().__init__(result)
        self.result = result

    def __str__(self) -> str:
        return summary(self.result)


def name_order(order: OrderRef) -> str:
    """Return the number of an order with its public id: `1001 (vNnYhzxLKd)`."""
    return f"{order.number} ({order.id})" if order.number else order.id


def name_action(result: OrderFactoryResult) -> str:
    """Return what the copy did with its source order: `copied`, or `added` with `merge_into`."""
    return "added" if dict(result)["merge_into"] and result.target_order else "copied"


def summary(result: OrderFactoryResult) -> str:
    """Return the outcome of a copy in one line, without personal data."""
    if result.made_before:
        plain = summary(result.model_copy(update={"made_before": False}))
        return (
            f"{plain}; order factory {result.id} was recorded by an earlier call of the same name, "
            "and is not copied twice (again=True or --again makes another copy)"
        )
    source = name_order(result.source_order)
    target = result.target_order
    to_target = f" to order {name_order(target)}" if target else ""
    if not result.errors_log:
        return f"order {source} was {name_action(result)}{to_target}"
    detail = "; ".join(
        f"{field}: {message}"
        for field, messages in result.errors_log.items()
        for message in messages
    )
    errors = format_count(result.errors_count, "error")
    return f"{errors} while copying order {source}{to_target}: {detail}"


class ErrorCount(Result):
    """One kind of error in a batch, and its number of messages in the factories' logs."""

    field: str = Field(description="The key in errors_log.")
    code: str = Field(description="The kind of error.")
    count: int = Field(description="Number of messages of this kind.")
    orders: int = Field(description="Number of orders with this error.")
    example_message: str = Field(description="The message of one of them.")
    example_order: str = Field(description="Number (or public id) of a source order that has it.")


class BulkResult(Result):
    """The result of a batch, or its progress so far."""

    reference: str = Field(
        description="Name of the batch. Start the batch again under it to finish it."
    )
    id: str = Field(description="Public id of the batch.")
    status: BatchStatus = Field(description="Status of the batch.")
    orders_count: int = Field(description="Number of requested copies.")
    pending: int = Field(description="Copies that have not been made yet.")
    in_progress: int = Field(description="Copies that wait for a payment gateway.")
    completed: int = Field(description="Copies that were made.")
    failed: int = Field(description="Copies that could not be made, or not be placed.")
    aborted: int = Field(description="Copies that were aborted.")
    completed_with_errors: int = Field(description="Completed copies that left something out.")
    errors: list[ErrorCount] = Field(description="The kinds of error, most frequent first.")
    seconds: float = Field(description="Wall-clock time of this run's copying.")
    copied_in_this_run: int = Field(description="Factories that this run completed or failed.")
    report_path: str | None = Field(description="The report file with a row per copy.")
    page_path: str | None = Field(description="The HTML page about the batch.")
    error_policy: ErrorPolicy = Field(
        default=ErrorPolicy.REJECT_FAILED,
        description="What happens to the other orders when some have errors.",
    )
    dry_run: bool = Field(default=False, description="Everything was rolled back.")
    errors_log: dict[str, list[str]] | None = Field(
        default=None, description="What is wrong with the file that the batch was sent as."
    )

    @classmethod
    def empty(cls, reference: str) -> "BulkResult":
        """Return the result if there was nothing to copy and no batch was recorded."""
        counts = ["orders_count", "completed_with_errors", "copied_in_this_run", *FactoryStatus]
        values: dict[str, Any] = dict.fromkeys(counts, 0)
        values |= {"reference": reference, "id": "", "status": BatchStatus.COMPLETED, "errors": []}
        return cls.model_validate(values | {"seconds": 0.0, "report_path": None, "page_path": None})

    @property
    def orders_per_second(self) -> float:
        """The factories that this run finished per second, or 0 if it had nothing to do."""
        return self.copied_in_this_run / self.seconds if self.seconds else 0.0

    @property
    def is_rejected(self) -> bool:
        """Whether nothing was copied because some orders have errors."""
        return self.error_policy == ErrorPolicy.REJECT_EVERYTHING and self.failed > 0

    @property
    def outcome(self) -> str:
        """The outcome of the batch in one line."""
        of_orders = f"of {format_count(self.orders_count, 'order')}"
        would = "would be " if self.dry_run else ""
        if self.is_rejected:
            detail = (
                f"{self.failed:,} {of_orders} cannot be copied, so none {would or 'was '}copied"
            )
        elif self.dry_run:
            detail = f"{self.completed:,} {of_orders} would be copied, {self.failed:,} would fail"
        else:
            detail = f"{self.completed:,} {of_orders} copied, {self.failed:,} failed"
        return f"{detail}; this was a dry run, and nothing was changed" if self.dry_run else detail

    def errors_frame(self) -> "pd.DataFrame":
        """Return a row per kind of error, most frequent first, with the columns of `ErrorCount`."""
        import pandas as pd  # importing takes half a second, and few callers need it

        rows = [error.model_dump() for error in self.errors]
        return pd.DataFrame(rows, columns=list(ErrorCount.model_fields))


class CopiesFailed(OrderFactoryError):
    """All copies of a run failed. The arguments are their number and the outcome in one line."""

    status, code = 422, "copies_failed"
    detail = "{1}"

    @property
    def closed(self) -> int:
        return int(self.args[0])


class BatchFailed(OrderFactoryError):
    """All copies of a batch failed. It has the `BulkResult`."""

    status, code = 422, "order_factory_batch_failed"

    def __init__(self, result: BulkResult) -> None:
        super().__init__(result)
        self.result = result

    def __str__(self) -> str:
        return self.result.outcome


class BatchUnfinished(OrderFactoryError):
    """Some copies of a batch are unfinished. It has the `BulkResult` and the reasons."""

    status, code = 503, "order_factory_batch_unfinished"

    def __init__(self, result: BulkResult, problems: list[str]) -> None:
        super().__init__(result, problems)
        self.result = result
        self.problems = problems

    def __str__(self) -> str:
        remaining = self.result.pending + self.result.in_progress
        reasons = "; ".join(dict.fromkeys(self.problems)) or "other runs hold them"
        return (
            f"{remaining:,} of {format_count(self.result.orders_count, 'copy is', 'copies are')} not finished "
            f"({reasons}); start the batch {self.result.reference!r} again to finish them"
        )


class BatchAborted(BatchUnfinished):
    """The batch was stopped on purpose, after the current transaction."""

    status, code = 409, "order_factory_batch_aborted"


class BatchInterrupted(BatchAborted):
    """The batch was stopped with Ctrl-C."""
