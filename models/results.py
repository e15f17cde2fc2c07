"""What the flows return: pydantic models, so that Prefect, the command line and the API agree."""

from datetime import datetime
from typing import Any

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from models.errors import OrderFactoryError
from models.statuses import BatchStatus, FactoryStatus, FactoryType, Mode, OrderStatus


class Result(BaseModel):
    model_config = ConfigDict(frozen=True)


class OrderRef(Result):
    """An order, by its public id; one that was never placed may have no number."""

    id: str
    number: str | None
    status: OrderStatus


class OrderFactoryResult(Result):
    """Every attribute of an order factory, as the public API reference names it; times are UTC."""

    id: str = Field(description="Public id of the order factory.")
    type: FactoryType
    mode: Mode
    status: FactoryStatus
    source_order: OrderRef
    target_order: OrderRef | None = Field(description="None until something was copied.")
    started_at: datetime | None
    completed_at: datetime | None
    failed_at: datetime | None
    errors_log: dict[str, list[str]] | None = Field(description="Field name to its messages.")
    errors_count: int
    place_target_order: bool
    reuse_wallet: bool
    skip_errors: bool
    reference: str | None
    reference_origin: str | None
    metadata: dict[str, Any] | None
    batch_reference: str | None
    flow_run_id: str | None = Field(description="The Prefect flow run that carried it.")
    created_at: datetime
    updated_at: datetime


class OrderFactoryFailed(OrderFactoryError):
    """The copy was made as far as it could be and failed; carries the `OrderFactoryResult`."""

    status, code = 422, "order_factory_failed"

    def __init__(self, result: OrderFactoryResult) -> None:
        super().__init__(result)
        self.result = result

    def __str__(self) -> str:
        return summary(self.result)


def summary(result: OrderFactoryResult) -> str:
    """How a copy ended, in one line without personal data."""
    source = result.source_order.number or result.source_order.id
    if not result.errors_log:
        target = result.target_order
        became = (target.number or target.id) if target else "nothing"
        return f"order {source} was copied to order {became}"
    told = "; ".join(
        f"{field}: {message}"
        for field, messages in result.errors_log.items()
        for message in messages
    )
    errors = "1 error" if result.errors_count == 1 else f"{result.errors_count} errors"
    return f"{errors} while copying order {source}: {told}"


class ErrorCount(Result):
    """One kind of error in a batch, and how often it stands in the factories' logs."""

    field: str = Field(description="The key in errors_log.")
    code: str = Field(description="The kind of error.")
    count: int = Field(description="How many messages of this kind.")
    orders: int = Field(description="In how many orders.")
    example_message: str
    example_order: str = Field(description="Number (or public id) of a source order that has it.")


class BulkResult(Result):
    """How a batch ended, or how far it has come."""

    reference: str = Field(description="Start the batch again under it to finish the rest.")
    id: str = Field(description="Public id of the batch.")
    status: BatchStatus
    orders_count: int = Field(description="How many copies were asked for.")
    pending: int
    in_progress: int
    completed: int
    failed: int
    aborted: int
    completed_with_errors: int = Field(description="Completed ones that left something out.")
    errors: list[ErrorCount]
    seconds: float = Field(description="Wall-clock time of this run's copying.")
    copied_in_this_run: int = Field(description="Factories completed or failed by this run.")
    report_path: str | None

    @property
    def orders_per_second(self) -> float:
        """Factories that this run finished per second of it; 0 where it had nothing to do."""
        return self.copied_in_this_run / self.seconds if self.seconds else 0.0

    def errors_frame(self) -> pd.DataFrame:
        """One row per kind of error, most frequent first; the columns of `ErrorCount`."""
        rows = [error.model_dump() for error in self.errors]
        return pd.DataFrame(rows, columns=list(ErrorCount.model_fields))


class BatchUnfinished(OrderFactoryError):
    """Some copies of a batch could not be finished; carries the `BulkResult` and the reasons."""

    status, code = 503, "order_factory_batch_unfinished"

    def __init__(self, result: BulkResult, problems: list[str]) -> None:
        super().__init__(result, problems)
        self.result = result
        self.problems = problems

    def __str__(self) -> str:
        left = self.result.pending + self.result.in_progress
        why = "; ".join(dict.fromkeys(self.problems)) or "other runs hold them"
        return (
            f"{left} of {self.result.orders_count} copies are not finished ({why}); start the "
            f"batch {self.result.reference!r} again to finish them"
        )
