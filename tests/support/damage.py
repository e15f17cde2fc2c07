"""Damage to a valid database, and the invariants that must find it."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, Boolean, Float, String
from sqlalchemy.sql.elements import KeyedColumnElement

from order_factory.models.tables import Base


@dataclass(frozen=True)
class Damage:
    """Statements that break one invariant once, and the name of the row that `verify` must show.

    The statements refer to rows by name (see `mixed_shop`), to `:long_ago` and to `:later`.
    `lifts` names the tables without constraints meanwhile. Foreign keys are never checked.
    """

    invariant: str
    statements: str
    example: str
    lifts: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.invariant}, {self.statements[:70]}"


def make_damage_per_column(
    invariant: str, table: type[Base], example: str, *left: str
) -> list[Damage]:
    """One damage per column of the row, except its key, its origin, its times and `left`."""
    own = ("id", "copied_from_id", "created_at", "updated_at", *left)
    return [
        Damage(
            invariant,
            f"UPDATE {table.__tablename__} SET {column.name} = {_choose_other_value(column)} "
            f"WHERE id = :{example}",
            example,
        )
        for column in table.__table__.c
        if column.name not in own
    ]


def _choose_other_value(column: KeyedColumnElement[Any]) -> str:
    kind = column.type
    if isinstance(kind, Boolean):
        return f"NOT {column.name}"
    if isinstance(kind, Float):
        return "0.125"
    if isinstance(kind, JSON):
        return """'{"other": [1, null]}'"""
    if isinstance(kind, String):
        return "'?'"
    if column.name.endswith("_at"):
        return ":later"
    return f"coalesce({column.name}, 0) + 1"
