"""Which orders a batch takes from the database: a form for people, a request for programs."""

import re
from datetime import UTC, date, datetime, time
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from order_factory.models.requests.copies import Text
from order_factory.models.requests.form_fields import plain_fields
from order_factory.models.values.statuses import Mode, OrderStatus

PLACED = (OrderStatus.PLACED, OrderStatus.APPROVED)


def _only_a_time(value: Any) -> Any:
    # pydantic would take a number, and 20260131 too, for the seconds since 1970.
    if isinstance(value, date) or (isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d", value)):
        return value
    raise ValueError("a date such as 2026-01-31 or a time such as 2026-01-31T18:00:00Z is expected")


def _midnight_of_a_date(value: Any) -> Any:
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time(), UTC)
    return value


def _in_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the time lies outside the years 1 to 9999") from error


Moment = Annotated[
    datetime,
    BeforeValidator(_midnight_of_a_date),
    BeforeValidator(_only_a_time),
    AfterValidator(_in_utc),
]


class OrderFilter(BaseModel):
    """Orders that fit every field that is given; with none, every placed order that is no copy.

    A date means its midnight, and a time without a time zone is meant as UTC. Orders that are
    themselves copies are left out whatever else fits, unless `include_copies` asks for them: who
    repeats a customer's orders night by night would otherwise double them each time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=plain_fields)

    customer: Text | None = Field(
        default=None,
        title="Customer",
        description="Email or public id of the customer. The id keeps the email out of the "
        "records of Prefect, which stores parameters.",
    )
    status: tuple[OrderStatus, ...] = Field(
        default=PLACED, min_length=1, title="Status", description="Any of these statuses."
    )
    placed_from: Moment | None = Field(
        default=None, title="Placed from", description="Placed at this time or later (UTC)."
    )
    placed_before: Moment | None = Field(
        default=None, title="Placed before", description="Placed earlier than this time (UTC)."
    )
    market: Text | None = Field(
        default=None, title="Market", description="Name of the market, exactly."
    )
    sku: Text | None = Field(
        default=None, title="SKU", description="Code of a SKU that a line of the order bears."
    )
    reference: Text | None = Field(
        default=None, title="Reference", description="Reference of the order, exactly."
    )
    mode: Mode = Field(
        default=Mode.LIVE, title="Live or test", description="Live orders or test orders."
    )
    include_copies: bool = Field(
        default=False,
        title="Include copies",
        description="Take orders that are themselves copies, too.",
    )
    limit: Annotated[int, Field(ge=1)] | None = Field(
        default=None, title="Limit", description="Only so many, the earliest placed first."
    )

    @model_validator(mode="after")
    def _some_time_between(self) -> "OrderFilter":
        bounds = self.placed_from, self.placed_before
        if None not in bounds and self.placed_from >= self.placed_before:  # type: ignore[operator]
            raise ValueError("placed_from must be earlier than placed_before")
        return self

    def in_words(self) -> str:
        """What it selects, for people; the customer as given, so make that a public id first."""
        message = [f"{self.mode} orders with status {' or '.join(self.status)}"]
        if self.customer is not None:
            message.append(f"of customer {self.customer}")
        if self.placed_from is not None:
            message.append(f"placed from {self.placed_from:%Y-%m-%d %H:%M:%S} UTC")
        if self.placed_before is not None:
            message.append(f"placed before {self.placed_before:%Y-%m-%d %H:%M:%S} UTC")
        if self.market is not None:
            message.append(f"of market {self.market!r}")
        if self.sku is not None:
            message.append(f"with SKU {self.sku!r}")
        if self.reference is not None:
            message.append(f"with reference {self.reference!r}")
        message.append("copies included" if self.include_copies else "copies left out")
        if self.limit is not None:
            message.append(f"the earliest {self.limit}")
        return ", ".join(message)
