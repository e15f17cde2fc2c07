"""What the flows return that change orders that are there: how many, and why not the others."""

from pydantic import BaseModel, ConfigDict, Field

from order_factory.models.errors import OrderFactoryError

PROBLEMS_SHOWN = 1_000


class _Result(BaseModel):
    model_config = ConfigDict(frozen=True)


class RefusedOrder(_Result):
    """One order that was refused, and why."""

    order: str = Field(description="The order's number, or its public id.")
    field: str = Field(description="The attribute at fault.")
    message: str = Field(description="What is wrong, for a person.")


class OrdersResult(_Result):
    """How a change of orders ended, such as placing them."""

    change: str = Field(description="What was asked for: place, capture, cancel or refund.")
    orders_count: int = Field(description="How many orders it was asked for.")
    done: int = Field(description="How many are so now, those that were so before among them.")
    waiting: int = Field(description="How many wait for a payment gateway.")
    refused: int = Field(description="How many were refused, by us or by a gateway.")
    problems: list[RefusedOrder] = Field(description="Why; at most the first 1,000.")
    seconds: float = Field(description="How long it took.")

    @property
    def outcome(self) -> str:
        """The outcome in one line."""
        words = f"{self.change}: {self.done:,} of {self.orders_count:,} orders done"
        if self.refused:
            words += f", {self.refused:,} refused"
        return words + (f", {self.waiting:,} wait for a gateway" if self.waiting else "")


class OrdersRefused(OrderFactoryError):
    """None of the orders was changed; carries the `OrdersResult`."""

    status, code = 422, "orders_refused"

    def __init__(self, result: OrdersResult) -> None:
        super().__init__(result)
        self.result = result

    def __str__(self) -> str:
        first = self.result.problems[:3]
        why = "; ".join(f"order {each.order}: {each.field}: {each.message}" for each in first)
        return f"{self.result.outcome}. {why}"


class OrdersWaiting(OrderFactoryError):
    """A payment gateway gave no answer about some of them; carries the `OrdersResult`."""

    status, code = 503, "orders_waiting"

    def __init__(self, result: OrdersResult, problems: list[str]) -> None:
        super().__init__(result, problems)
        self.result = result

    def __str__(self) -> str:
        why = "; ".join(self.args[1][:3])
        return f"{self.result.outcome}. {why}. Run the same again; nothing is paid twice."
