"""The results of flows that change existing orders."""

from pydantic import BaseModel, ConfigDict, Field

from order_factory.models.errors import OrderFactoryError

PROBLEMS_SHOWN = 1_000


class _Result(BaseModel):
    model_config = ConfigDict(frozen=True)


class RefusedOrder(_Result):
    """One order that was refused, and why."""

    order: str = Field(description="The order's number, or its public id.")
    field: str = Field(description="The attribute with the problem.")
    message: str = Field(description="The problem, in a sentence.")


class OrdersResult(_Result):
    """The result of a change of orders, such as placing them."""

    change: str = Field(description="The requested change: place, capture, cancel or refund.")
    orders_count: int = Field(description="Number of orders in the request.")
    done: int = Field(
        description="Orders that are changed now, including those that were changed before."
    )
    waiting: int = Field(description="Orders that wait for a payment gateway.")
    refused: int = Field(description="Orders that were refused, by us or by a gateway.")
    problems: list[RefusedOrder] = Field(
        description="The reasons for refusals; at most the first 1,000."
    )
    seconds: float = Field(description="Duration.")

    @property
    def outcome(self) -> str:
        """The outcome in one line."""
        message = f"{self.change}: {self.done:,} of {self.orders_count:,} orders done"
        if self.refused:
            message += f", {self.refused:,} refused"
        return message + (f", {self.waiting:,} wait for a gateway" if self.waiting else "")


class OrdersRefused(OrderFactoryError):
    """None of the orders was changed. It has the `OrdersResult`."""

    status, code = 422, "orders_refused"

    def __init__(self, result: OrdersResult) -> None:
        super().__init__(result)
        self.result = result

    def __str__(self) -> str:
        first = self.result.problems[:3]
        reasons = "; ".join(f"order {each.order}: {each.field}: {each.message}" for each in first)
        return f"{self.result.outcome}. {reasons}"


class OrdersWaiting(OrderFactoryError):
    """A payment gateway did not answer about some orders. It has the `OrdersResult`."""

    status, code = 503, "orders_waiting"

    def __init__(self, result: OrdersResult, problems: list[str]) -> None:
        super().__init__(result, problems)
        self.result = result

    def __str__(self) -> str:
        reasons = "; ".join(self.args[1][:3])
        return f"{self.result.outcome}. {reasons}. Run it again; nothing is paid twice."
