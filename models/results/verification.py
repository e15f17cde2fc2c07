"""The result of `verify`: one row per invariant."""

from pydantic import Field

from order_factory.models.results.copies import Result


class InvariantReport(Result):
    """One invariant, and the number of its violations."""

    name: str = Field(description="Its name, for people and machines.")
    meaning: str = Field(description="The rule, in plain words.")
    violations: int = Field(description="Number of rows that break it; 0 if it holds.")
    resource: str = Field(description="The resource of the examples, as the API names it.")
    examples: list[str] = Field(description="Public ids of up to three rows that break it.")


class Verification(Result):
    """Whether the whole database is valid."""

    invariants: list[InvariantReport] = Field(description="One report per invariant.")
    copies: int = Field(description="Target orders that were compared with their sources.")
    edited_copies: int = Field(
        description="Target orders that were edited since, or whose source was; compared in part."
    )
    unbalanced_orders: int = Field(
        default=0,
        description="How many orders that are no copies have lines that do not add up to their "
        "amounts: no violation, but their copies fail.",
    )
    seconds: float = Field(description="Wall-clock time of the checks.")

    @property
    def violations(self) -> int:
        """The total number of violations. A valid database has 0."""
        return sum(invariant.violations for invariant in self.invariants)
