"""What `verify` tells: one row per invariant."""

from pydantic import Field

from order_factory.models.results.copies import Result


class InvariantReport(Result):
    """One thing that must hold, and how often it does not."""

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
        """How many violations there are in all; a valid database has none."""
        return sum(invariant.violations for invariant in self.invariants)
