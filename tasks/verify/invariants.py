"""What an invariant is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select

from order_factory.models.values.public_ids import Resource


@dataclass(frozen=True)
class Invariant:
    """Something that must hold: its name, what it means, and the query that finds what breaks it.

    `broken` selects one column, the key of a row of `resource`, once per violation. Where the
    databases say it differently, it is a function of the connection that makes that query.
    """

    name: str
    meaning: str
    resource: Resource
    broken: Select[Any] | Callable[[Connection], Select[Any]]

    def query(self, db: Connection) -> Select[Any]:
        """The query, for this connection's database."""
        return self.broken if isinstance(self.broken, Select) else self.broken(db)
