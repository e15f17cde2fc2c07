"""Requests for order subscriptions, checked on entry."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field, model_validator

from order_factory.models.requests.copies import Metadata, Text
from order_factory.models.values.frequencies import (
    FREQUENCY_MEANING,
    check_frequency,
    check_time_zone,
)
from order_factory.models.values.option_values import SubscriptionOptionValues
from order_factory.models.values.retry_delays import check_retry_after
from order_factory.models.values.statuses import AfterFailure, CatchUp, WhileOpen

Moment = Annotated[AwareDatetime, AfterValidator(lambda moment: moment.astimezone(UTC))]
EXPIRES_LATER = "must be after starts_at"


def _set_zone(value: Any, time_zone: str) -> Any:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        if isinstance(moment, datetime) and moment.tzinfo is None:
            return moment.replace(tzinfo=ZoneInfo(time_zone))
    except (ValueError, ZoneInfoNotFoundError):
        pass  # the fields' own checks report the problem
    return value


class SubscriptionOptions(SubscriptionOptionValues):
    """How to repeat an order: the calendar, and the options of each copy.

    Source: Commerce Layer API reference, order subscription object; `time_zone`, `catch_up`,
    `retry_after`, `after_failure`, `while_open` and `end_with_source_order` are our own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    if TYPE_CHECKING:

        def __init__(self, **given: Any) -> None: ...

    frequency: Annotated[str, AfterValidator(check_frequency)] = Field(
        description=FREQUENCY_MEANING
    )
    time_zone: Annotated[str, AfterValidator(check_time_zone)] = Field(
        default="UTC", description="Time zone of the schedule, such as Europe/Rome."
    )
    starts_at: Moment | None = Field(
        default=None,
        description="Start of the schedule; the periods are counted from it. Now if empty.",
    )
    expires_at: Moment | None = Field(
        default=None, description="End of the schedule; no period is due at this time or later."
    )
    activate_by_source_order: bool = Field(
        default=True, description="Activate the subscription once the source order is placed."
    )
    renewal_alert_period: int | None = Field(
        default=None, ge=1, le=720, description="Hours before a renewal. Stored; it has no effect."
    )
    catch_up: CatchUp = Field(
        default=CatchUp.ONE,
        description="Missed periods to copy: one (the latest), all or none.",
    )
    retry_after: Annotated[str, AfterValidator(check_retry_after)] | None = Field(
        default=None,
        description="When a copy that failed for its payment or its stock is tried again: delays "
        "such as 1d 3d 5d, each from the attempt before.",
    )
    after_failure: AfterFailure = Field(
        default=AfterFailure.KEEP,
        description="Keep or deactivate the subscription when a copy fails and is not retried.",
    )
    while_open: WhileOpen = Field(
        default=WhileOpen.COPY,
        description="A period that comes while the copy before is not finished, as when its "
        "gateway does not answer: copy it anyway, or let it wait.",
    )
    end_with_source_order: bool = Field(
        default=True, description="Deactivate the subscription when its source order is cancelled."
    )
    reference: Text | None = Field(default=None, description="Your own name for it.")
    reference_origin: Text | None = Field(
        default=None, description="System that the reference comes from."
    )
    metadata: Metadata | None = Field(default=None, description="Your own data, as a JSON object.")

    @model_validator(mode="before")
    @classmethod
    def _read_times_in_zone(cls, given: Any) -> Any:
        """Interpret a time without a zone in the time zone of the subscription."""
        if not isinstance(given, dict) or not isinstance(given.get("time_zone"), str):
            return given
        times = {name: given.get(name) for name in ("starts_at", "expires_at")}
        return given | {
            name: _set_zone(value, given["time_zone"])
            for name, value in times.items()
            if value is not None
        }

    @model_validator(mode="after")
    def _expires_after_it_starts(self) -> Self:
        if self.starts_at and self.expires_at and self.expires_at <= self.starts_at:
            raise ValueError(f"expires_at {EXPIRES_LATER}")
        return self
