"""The differences between SQLite and PostgreSQL in SQL. Everything else is written once."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Dialect,
    Float,
    String,
    Table,
    cast,
    column,
    extract,
    func,
    literal_column,
    select,
    table,
    text,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import REGCLASS, aggregate_order_by
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from order_factory.models.tables.base import JsonObject
from order_factory.models.tables.order_factories import CopyError

_SQLITE_KEYS = table("sqlite_sequence", column("name"), column("seq"))
_BY_KEY = text(
    "SELECT set_config('enable_mergejoin', 'off', true), set_config('enable_hashjoin', 'off', true)"
)
# More rows at once would live long enough for Python's garbage collector to visit them again.
_ROWS_AT_ONCE = 1_000
_SNAPSHOT = text("SELECT pg_current_snapshot()::text")


def on_sqlite(db: Connection) -> bool:
    return db.dialect.name == "sqlite"


def new_key(
    of: Table, *, rank: ColumnElement[int], nth: int = 1, each: int = 1
) -> ColumnElement[int]:
    """Draw a new key of the table for each row of a SELECT.

    `rank` numbers the rows from 1. If a SELECT takes several keys of one table per row, `each` is
    their number and `nth` the position of this key, from 1. SQLite has no sequences. There, the
    open transaction keeps all other writers out.
    """
    # A literal, because PostgreSQL would look up a parameter by its name for each row.
    sequence = cast(literal_column(f"'{of.name}_id_seq'"), REGCLASS)
    return _new_key(func.nextval(sequence), last_key(of) + (rank - 1) * each + nth)


class _new_key(FunctionElement[int]):
    """The next key: on PostgreSQL from the sequence, on SQLite the one after the last key."""

    type = BigInteger()
    inherit_cache = True


@compiles(_new_key, "postgresql")
def _new_key_on_postgresql(element: _new_key, compiler: SQLCompiler, **options: Any) -> str:
    next_of_sequence, _ = element.clauses
    return compiler.process(next_of_sequence, **options)


@compiles(_new_key, "sqlite")
def _new_key_on_sqlite(element: _new_key, compiler: SQLCompiler, **options: Any) -> str:
    _, after_last = element.clauses
    return f"({compiler.process(after_last, **options)})"


def last_key(of: Table) -> ColumnElement[int]:
    """Return the greatest key that the table has ever had. It works on SQLite only."""
    last = select(func.max(_SQLITE_KEYS.c.seq)).where(_SQLITE_KEYS.c.name == of.name)
    return func.coalesce(last.scalar_subquery(), 0)


def snapshot(db: Connection) -> str | None:
    """Return a value that stays the same until another transaction begins or ends.

    On SQLite it is None, because only one transaction writes.
    """
    return None if on_sqlite(db) else str(db.scalar(_SNAPSHOT))


def reads_in_order(db: Connection) -> bool:
    """Whether the database reads the source rows of a copy in the order of their keys by itself.

    SQLite does: it reads them order by order through the index, so sorting them would waste time.
    """
    return on_sqlite(db)


class day(FunctionElement[str]):
    """The day of a UTC time, such as `2026-01-31`."""

    type = String()
    inherit_cache = True


@compiles(day, "sqlite")
def _day_on_sqlite(element: day, compiler: SQLCompiler, **options: Any) -> str:
    (time,) = element.clauses
    return compiler.process(func.substr(cast(time, String), 1, 10), **options)


@compiles(day, "postgresql")
def _day_on_postgresql(element: day, compiler: SQLCompiler, **options: Any) -> str:
    (time,) = element.clauses
    return compiler.process(func.to_char(func.timezone("UTC", time), "YYYY-MM-DD"), **options)


class epoch(FunctionElement[float]):
    """A time as seconds since 1970, with milliseconds."""

    type = Float()
    inherit_cache = True


@compiles(epoch, "sqlite")
def _epoch_on_sqlite(element: epoch, compiler: SQLCompiler, **options: Any) -> str:
    (time,) = element.clauses
    days = compiler.process(func.julianday(time), **options)
    return f"round(({days} - 2440587.5) * 86400.0, 3)"


@compiles(epoch, "postgresql")
def _epoch_on_postgresql(element: epoch, compiler: SQLCompiler, **options: Any) -> str:
    (time,) = element.clauses
    seconds = compiler.process(extract("epoch", time), **options)
    return f"CAST(round({seconds}, 3) AS double precision)"


class Moment(TypeDecorator[datetime]):
    """A point in time that is compared with a column. A whole second has no fraction.

    SQLite compares texts, and the text of a whole second may have a fraction or none.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        own = String() if dialect.name == "sqlite" else DateTime(timezone=True)
        return dialect.type_descriptor(own)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")


class digest(FunctionElement[str]):
    """The SHA-256 of a text in UTF-8, as 64 hexadecimal digits."""

    type = String()
    inherit_cache = True


@compiles(digest, "sqlite")
def _digest_on_sqlite(element: digest, compiler: SQLCompiler, **options: Any) -> str:
    # A function of ours: see `order_factory.models.database.engine`.
    return f"digest({compiler.process(element.clauses, **options)})"


@compiles(digest, "postgresql")
def _digest_on_postgresql(element: digest, compiler: SQLCompiler, **options: Any) -> str:
    words = compiler.process(element.clauses, **options)
    return f"encode(sha256(convert_to({words}, 'UTF8')), 'hex')"


class bytewise(FunctionElement[str]):
    """A text that is compared and sorted by its code points, independent of the locale."""

    type = String()
    inherit_cache = True


@compiles(bytewise, "sqlite")
def _bytewise_on_sqlite(element: bytewise, compiler: SQLCompiler, **options: Any) -> str:
    (words,) = element.clauses
    return compiler.process(words, **options)


@compiles(bytewise, "postgresql")
def _bytewise_on_postgresql(element: bytewise, compiler: SQLCompiler, **options: Any) -> str:
    (words,) = element.clauses
    return f'({compiler.process(words, **options)} COLLATE "C")'


class json_contains(FunctionElement[bool]):
    """Whether a JSON column contains a JSON value, given as text."""

    type = Boolean()
    inherit_cache = True


@compiles(json_contains, "sqlite")
def _json_contains_on_sqlite(element: json_contains, compiler: SQLCompiler, **options: Any) -> str:
    # A function of ours: see `order_factory.models.database.json_containment`.
    return f"json_contains({compiler.process(element.clauses, **options)})"


@compiles(json_contains, "postgresql")
def _json_contains_on_postgresql(
    element: json_contains, compiler: SQLCompiler, **options: Any
) -> str:
    held, wanted = (compiler.process(each, **options) for each in element.clauses)
    return f"({held} @> CAST({wanted} AS jsonb))"


class json_pick(FunctionElement[Any]):
    """The members of a JSON object with a name in a list such as `a,b`, or null if none has."""

    type = JsonObject
    inherit_cache = True


@compiles(json_pick, "sqlite")
def _json_pick_on_sqlite(element: json_pick, compiler: SQLCompiler, **options: Any) -> str:
    # A function of ours: see `order_factory.models.database.json_picking`.
    return f"json_pick({compiler.process(element.clauses, **options)})"


@compiles(json_pick, "postgresql")
def _json_pick_on_postgresql(element: json_pick, compiler: SQLCompiler, **options: Any) -> str:
    held, names = (compiler.process(each, **options) for each in element.clauses)
    members = f"jsonb_each(CASE WHEN jsonb_typeof({held}) = 'object' THEN {held} END)"
    wanted = f"string_to_array(CAST({names} AS text), ',')"
    picked = f"jsonb_object_agg(member.key, member.value) FROM {members} AS member"
    return f"(SELECT {picked} WHERE member.key = ANY ({wanted}))"


class json_is_true(FunctionElement[bool]):
    """Whether the member with this name of a JSON object is `true`.

    Unlike `json_contains`, it needs no function of ours on SQLite, so every process can run it.
    """

    type = Boolean()
    inherit_cache = True


@compiles(json_is_true, "sqlite")
def _json_is_true_on_sqlite(element: json_is_true, compiler: SQLCompiler, **options: Any) -> str:
    held, name = (compiler.process(each, **options) for each in element.clauses)
    return f"(json_type({held}, '$.\"' || {name} || '\"') = 'true')"


@compiles(json_is_true, "postgresql")
def _json_is_true_on_postgresql(
    element: json_is_true, compiler: SQLCompiler, **options: Any
) -> str:
    held, name = (compiler.process(each, **options) for each in element.clauses)
    return f"({held} @> jsonb_build_object(CAST({name} AS text), true))"


class json_member_is(FunctionElement[bool]):
    """Whether the member with this name of a JSON object equals a scalar, given as JSON text.

    Like `json_is_true`, it needs no function of ours on SQLite.
    """

    type = Boolean()
    inherit_cache = True


@compiles(json_member_is, "sqlite")
def _json_member_is_on_sqlite(
    element: json_member_is, compiler: SQLCompiler, **options: Any
) -> str:
    held, name, wanted = (compiler.process(each, **options) for each in element.clauses)
    member = f"{held}, '$.\"' || {name} || '\"'"
    same_type = f"json_type({member}) = json_type({wanted})"
    return f"({same_type} AND json_extract({member}) = json_extract({wanted}, '$'))"


@compiles(json_member_is, "postgresql")
def _json_member_is_on_postgresql(
    element: json_member_is, compiler: SQLCompiler, **options: Any
) -> str:
    held, name, wanted = (compiler.process(each, **options) for each in element.clauses)
    member = f"jsonb_build_object(CAST({name} AS text), CAST({wanted} AS jsonb))"
    return f"({held} @> {member})"


class mul_div(FunctionElement[int]):
    """`a * b` divided by `c`, rounded down. The product may be longer than 64 bits.

    No argument may be negative, and `c` may not be zero.
    """

    type = BigInteger()
    inherit_cache = True


class mul_mod(FunctionElement[int]):
    """The remainder of `mul_div`."""

    type = BigInteger()
    inherit_cache = True


@compiles(mul_div, "sqlite")
def _mul_div_on_sqlite(element: mul_div, compiler: SQLCompiler, **options: Any) -> str:
    # Functions of ours: see `order_factory.models.database.long_multiplication`.
    return f"mul_div({compiler.process(element.clauses, **options)})"


@compiles(mul_mod, "sqlite")
def _mul_mod_on_sqlite(element: mul_mod, compiler: SQLCompiler, **options: Any) -> str:
    return f"mul_mod({compiler.process(element.clauses, **options)})"


@compiles(mul_div, "postgresql")
def _mul_div_on_postgresql(element: mul_div, compiler: SQLCompiler, **options: Any) -> str:
    a, b, c = (compiler.process(each, **options) for each in element.clauses)
    return f"CAST(div(CAST({a} AS numeric) * {b}, {c}) AS bigint)"


@compiles(mul_mod, "postgresql")
def _mul_mod_on_postgresql(element: mul_mod, compiler: SQLCompiler, **options: Any) -> str:
    a, b, c = (compiler.process(each, **options) for each in element.clauses)
    return f"CAST(mod(CAST({a} AS numeric) * {b}, {c}) AS bigint)"


class millionths(FunctionElement[int]):
    """A rate such as 0.22 as a whole number of millionths. Half a millionth is rounded up."""

    type = BigInteger()
    inherit_cache = True


@compiles(millionths, "sqlite")
def _millionths_on_sqlite(element: millionths, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **options)} * 1e6 + 0.5 AS INTEGER)"


@compiles(millionths, "postgresql")
def _millionths_on_postgresql(element: millionths, compiler: SQLCompiler, **options: Any) -> str:
    rate = compiler.process(element.clauses, **options)
    return f"CAST(floor({rate} * CAST(1e6 AS double precision) + 0.5) AS bigint)"


def plan_by_key(db: Connection) -> None:
    """Until the transaction ends, find rows by their keys, starting from the current rows.

    Otherwise PostgreSQL would merge or hash a batch with whole tables. The time would grow with the
    tables and not with the batch.
    """
    if not on_sqlite(db):
        db.execute(_BY_KEY)


def plan_by_table(db: Connection) -> None:
    """Until the transaction ends, join whole tables and do not look up single rows.

    Otherwise PostgreSQL would look up row by row in tables that were small at their last analysis.
    """
    if not on_sqlite(db):
        db.execute(text("SET LOCAL enable_nestloop = off"))


def analyze_table(db: Connection, table: Table, columns: Sequence[Column[Any]] = ()) -> None:
    """Update the statistics of a table that was just filled, for PostgreSQL's planner.

    With `columns`, only their statistics are updated.
    """
    if not on_sqlite(db):
        prepared = db.dialect.identifier_preparer
        names = ", ".join(map(prepared.format_column, columns))
        only = f" ({names})" if names else ""
        db.execute(text(f"ANALYZE {prepared.format_table(table)}{only}"))


def build_errors_log(db: Connection, factory_id: ColumnElement[int]) -> ColumnElement[Any]:
    """Return the errors of a factory as one JSON object: by field, the messages in order."""
    mine = (
        select(CopyError.id, CopyError.field, CopyError.message)
        .where(CopyError.order_factory_id == factory_id)
        .order_by(CopyError.id)
        .correlate_except(CopyError)
        .subquery()
    )
    if on_sqlite(db):
        messages = func.json(func.json_group_array(mine.c.message))
        fields = select(mine.c.field, messages.label("messages")).group_by(mine.c.field).subquery()
        log = select(func.json_group_object(fields.c.field, func.json(fields.c.messages)))
    else:
        # Grouping sorts by the field alone, so the messages of a field must be sorted again.
        messages = func.jsonb_agg(aggregate_order_by(mine.c.message, mine.c.id))
        fields = select(mine.c.field, messages.label("messages")).group_by(mine.c.field).subquery()
        log = select(func.jsonb_object_agg(fields.c.field, fields.c.messages))
    return type_coerce(log.scalar_subquery(), JsonObject)


class json_text(FunctionElement[str]):
    """The member with this name of a JSON object of texts and whole numbers, as a text."""

    type = String()
    inherit_cache = True


@compiles(json_text, "sqlite")
def _json_text_on_sqlite(element: json_text, compiler: SQLCompiler, **options: Any) -> str:
    held, name = (compiler.process(each, **options) for each in element.clauses)
    members = f"json_each({held}) AS member WHERE member.key = {name}"
    return f"(SELECT CAST(member.value AS TEXT) FROM {members})"


@compiles(json_text, "postgresql")
def _json_text_on_postgresql(element: json_text, compiler: SQLCompiler, **options: Any) -> str:
    held, name = (compiler.process(each, **options) for each in element.clauses)
    return f"({held} ->> {name})"


def json_members(db: Connection, column: ColumnElement[Any]) -> Any:
    """Return the members of a JSON column as rows with `key` and `value`, for a lateral join.

    A value is a text on PostgreSQL, and has its own type on SQLite.
    """
    if on_sqlite(db):
        return func.json_each(column).table_valued("key", "value")
    members = func.jsonb_each_text(column).table_valued("key", "value")
    return members.render_derived().lateral()


def json_keys(db: Connection, column: ColumnElement[Any]) -> Any:
    """Return the names of the members of a JSON column as rows with `key`, for a lateral join."""
    if on_sqlite(db):
        return func.json_each(column).table_valued("key")
    return func.jsonb_object_keys(column).table_valued("key").render_derived().lateral()


def fill(db: Connection, filled: Table, columns: dict[str, list[Any]]) -> None:
    """Insert many rows through the driver itself, which is faster. Columns have equal lengths.

    The values have the types that the driver accepts. JSON is text.
    """
    names = ", ".join(columns)
    if on_sqlite(db):
        marks = ", ".join("?" * len(columns))
        statement = f"INSERT INTO {filled.name} ({names}) VALUES ({marks})"
        rows = zip(*columns.values(), strict=True)
        while part := list(islice(rows, _ROWS_AT_ONCE)):
            db.exec_driver_sql(statement, part)
        return
    types = [filled.c[name].type.compile(db.dialect) for name in columns]
    arrays = ", ".join(f"CAST(%s AS {kind}[])" for kind in types)
    statement = f"INSERT INTO {filled.name} ({names}) SELECT * FROM unnest({arrays})"
    db.exec_driver_sql(statement, tuple(columns.values()))
