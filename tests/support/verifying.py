"""The violations that `verify` finds, for the end of tests that write."""

from order_factory.models.database.engine import reading
from order_factory.tasks.verify import verify


def find_violations() -> list[str]:
    """The names of the broken invariants."""
    with reading() as db:
        return [each.name for each in verify(db).invariants if each.violations]
