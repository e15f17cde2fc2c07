"""The definition of an invariant."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select

from order_factory.models.values.public_ids import Resource


@dataclass(frozen=True)
class Invariant:
    """A rule for the database: its name, its meaning, and the query that finds violations.

    `broken` selects one column, the key of a row of `resource`, once per violation. If the query
    depends on the database, `broken` is a function of the connection that builds it.
    """

    name: str
    meaning: str
    resource: Resource
    broken: Select[Any] | Callable[[Connection], Select[Any]]

    def query(self, db: Connection) -> Select[Any]:
        """Return the query for this connection's database."""
        return self.broken if isinstance(self.broken, Select) else self.broken(db)
