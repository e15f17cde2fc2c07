"""The declarative base, the column types, and the attributes that all resources have."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Double,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from order_factory.models.values import clock
from order_factory.models.values.keys import comparison_key
from order_factory.models.values.statuses import Mode

# SQLite numbers rows by itself only with an INTEGER key. Both types have 64 bits.
BigId = BigInteger().with_variant(Integer, "sqlite")
JsonObject = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
JsonList = JsonObject


# All columns of this type share their conversions. Rows of one transaction have few different times.
_TIMES_KNOWN = 256


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time, stored in UTC. A naive datetime raises `ValueError`."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A datetime without a time zone cannot be stored; give it one (UTC).")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    def result_processor(self, dialect: Dialect, coltype: Any) -> Callable[[Any], Any] | None:
        read = super().result_processor(dialect, coltype)
        if dialect.name != "sqlite" or read is None:
            return read  # hashing an aware time takes longer than converting it
        known: dict[Any, Any] = {}

        def read_once(value: Any) -> Any:
            """Return the time. Rows with the same value share one conversion."""
            time = known.get(value)
            if time is None and value is not None:
                if len(known) >= _TIMES_KNOWN:
                    known.clear()
                time = known[value] = read(value)
            return time

        return read_once


utc_now = clock.utc_now

# A whole number of cents of the row's (or its order's) currency, and an ISO 4217 code.
Cents = Annotated[int, mapped_column(BigInteger)]
CurrencyCode = Annotated[str, mapped_column(String(3))]
Id = Annotated[int, mapped_column(BigId, primary_key=True)]
Json = dict[str, Any]

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """The tables of the shop and of the order factories."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012  (the declarative base reads a plain dict)
        Json: JsonObject,
        datetime: UtcDateTime(),
        float: Double(),
        int: BigInteger(),
        str: Text(),
    }


def comparison_key_of(column: str) -> Callable[[Any], str | None]:
    """Return a default for a column: the comparison key of another column of the inserted row."""

    def compute(context: Any) -> str | None:
        text = context.get_current_parameters().get(column)
        return None if text is None else comparison_key(text)

    return compute


def same_as(column: str, without: int) -> Callable[[Any], int]:
    """Return a default for a column: the value of another column of the inserted row."""

    def copy(context: Any) -> int:
        return int(context.get_current_parameters().get(column, without))

    return copy


class Described:
    """The caller's own attributes, and the times of every resource.

    Source: Commerce Layer API reference, attributes common to all resources.
    """

    reference: Mapped[str | None]
    reference_origin: Mapped[str | None]
    metadata_: Mapped[Json | None] = mapped_column("metadata")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Moded:
    """The mode of a row. Rows of test mode and live mode never refer to each other.

    Source: Commerce Layer API reference, `meta.mode`.
    """

    mode: Mapped[Mode] = mapped_column(String(4), server_default=Mode.LIVE)


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """Return an index over the rows that meet the condition. Both databases must understand it."""
    rows = text(where)
    return Index(name, *columns, unique=unique, sqlite_where=rows, postgresql_where=rows)


_IS_ORIGINAL = "copied_from_id IS NULL AND reference IS NOT NULL"


def original_index(table: str, *columns: str) -> Index:
    """Return an index over the rows that have a reference and are not copies."""
    return partial_index(f"ix_{table}_original_key", *columns, where=_IS_ORIGINAL)


def original_reference_index(table: str) -> Index:
    """Return an index for looking up references. It leaves out copies, which have the same."""
    name = f"ix_{table}_original_reference"
    return partial_index(name, "reference", "mode", where=_IS_ORIGINAL)
