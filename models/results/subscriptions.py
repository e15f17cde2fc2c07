"""The result of a run of order subscriptions, and the preview of their next periods."""

from datetime import datetime

from pydantic import Field

from order_factory.models.errors import OrderFactoryError
from order_factory.models.results.copies import ErrorCount, OrderRef, Result
from order_factory.models.values.counts import format_count
from order_factory.models.values.statuses import SubscriptionStatus


class SubscriptionRun(Result):
    """The result of a run over all its batches."""

    batches: list[str] = Field(default=[], description="References of the batches it worked on.")
    subscriptions: int = Field(default=0, description="Subscriptions whose copies were counted.")
    completed: int = Field(default=0, description="Copies that were made.")
    failed: int = Field(default=0, description="Copies that could not be made, or not be placed.")
    unfinished: int = Field(default=0, description="Copies that the next run will make.")
    overlapping: int = Field(
        default=0, description="Copies that were recorded although an older one is not finished."
    )
    waiting: int = Field(
        default=0,
        description="Copies that wait for another payment source, or for their customer.",
    )
    seconds: float = Field(default=0.0, description="Wall-clock time of the copying.")
    errors: list[ErrorCount] = Field(default=[], description="The kinds of error, by batch.")

    @property
    def outcome(self) -> str:
        """The outcome in one line."""
        if not self.batches:
            return "no subscription was due"
        copies = format_count(self.completed, "copy", "copies")
        message = f"{copies} made, {self.failed:,} failed"
        message += f", subscriptions: {self.subscriptions:,}"
        if self.overlapping:
            message += f", {self.overlapping:,} with an older copy that is not finished"
        if self.waiting:
            message += f", {self.waiting:,} waiting for another payment source"
        return f"{message}, {self.unfinished:,} left unfinished" if self.unfinished else message


class SubscriptionRunFailed(OrderFactoryError):
    """All due copies failed. It has the `SubscriptionRun`."""

    status, code = 422, "subscription_run_failed"

    def __init__(self, result: SubscriptionRun) -> None:
        super().__init__(result)
        self.result = result

    def __str__(self) -> str:
        return self.result.outcome


class SubscriptionRunUnfinished(OrderFactoryError):
    """Some copies are unfinished. It has the `SubscriptionRun` and the reasons."""

    status, code = 503, "subscription_run_unfinished"

    def __init__(self, result: SubscriptionRun, problems: list[str]) -> None:
        super().__init__(result, problems)
        self.result = result
        self.problems = problems

    def __str__(self) -> str:
        reasons = "; ".join(dict.fromkeys(self.problems)) or "other runs hold them"
        return f"{self.result.outcome} ({reasons}); the next run finishes them"


class SubscriptionRef(Result):
    """A subscription by its public id and its number."""

    id: str = Field(description="Public id.")
    number: str = Field(description="Its number.")
    status: SubscriptionStatus = Field(description="Its status when the result was read.")


class UpcomingCopy(Result):
    """One period in the future."""

    subscription: SubscriptionRef = Field(description="The subscription of the period.")
    period_at: datetime = Field(description="When it is copied, in UTC.")
    source_order: OrderRef = Field(description="What is copied.")


class PredictedFailure(Result):
    """A copy that would fail if it were made now."""

    subscription: SubscriptionRef = Field(description="The subscription of the copy.")
    source_order: OrderRef = Field(description="The order that would be copied.")
    errors_log: dict[str, list[str]] = Field(description="Field names with their messages.")


class SubscriptionPreview(Result):
    """The copies that will be made, and those that would fail now."""

    until: datetime = Field(description="The end of the previewed time, in UTC.")
    subscriptions: int = Field(description="Subscriptions with a period before that time.")
    upcoming: list[UpcomingCopy] = Field(description="The first of these periods, earliest first.")
    failures: list[PredictedFailure] = Field(
        description="Copies that would fail today, one for each subscription."
    )
    failing: int = Field(description="Number of copies that would fail today, listed or not.")
