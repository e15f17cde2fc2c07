"""The result of `verify`: one row per invariant."""

from pydantic import Field

from order_factory.models.results.copies import Result


class InvariantReport(Result):
    """One invariant, and the number of its violations."""

    name: str = Field(description="Its name, for people and machines.")
    meaning: str = Field(description="What must hold, in one sentence.")
    violations: int = Field(description="How many rows break it; 0 is right.")
    resource: str = Field(description="What the examples are, as the API names it.")
    examples: list[str] = Field(description="Public ids of up to three rows that break it.")


class Verification(Result):
    """Whether the whole database is valid."""

    invariants: list[InvariantReport] = Field(description="One report per invariant.")
    copies: int = Field(description="How many target orders were compared with their sources.")
    edited_copies: int = Field(
        description="How many of them were edited since, or their source was: compared in part."
    )
    unbalanced_orders: int = Field(
        default=0,
        description="How many orders that are no copies have lines that do not add up to their "
        "amounts: no violation, but their copies fail.",
    )
    seconds: float = Field(description="Wall-clock time of the checks.")

    @property
    def violations(self) -> int:
        """The number of violations in all; 0 for a valid database."""
        return sum(invariant.violations for invariant in self.invariants)
