"""The differences between a copy and its source order."""

from pydantic import BaseModel, ConfigDict, Field

Value = int | float | str | None


class Difference(BaseModel):
    """One value that differs from the source order."""

    model_config = ConfigDict(frozen=True)

    part: str = Field(
        description="line_items, prices, discounts, taxes, totals, addresses, payment_source, "
        "metadata, references or order."
    )
    what: str = Field(description="The line's SKU or name, or the order's attribute.")
    before: Value = Field(description="In the source order; amounts are in cents.")
    after: Value = Field(
        description="In the target order, or added to the merged order; null if left out."
    )
    reason: str | None = Field(description="The reason, if it is recorded.")

    def __str__(self) -> str:
        reason = f" ({self.reason})" if self.reason else ""
        return f"{self.part}: {self.what}: {_show(self.before)} -> {_show(self.after)}{reason}"


def _show(value: Value) -> str:
    return "none" if value is None else str(value)
