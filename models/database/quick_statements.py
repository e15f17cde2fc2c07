"""Statements that are compiled once and then sent straight to the driver.

For a small statement, SQLAlchemy's preparation takes longer than the database's answer. What the
HTTP service repeats for every request skips this preparation.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

from sqlalchemy import BindParameter, Column, Connection, Insert, Select, Table, insert
from sqlalchemy.engine.interfaces import Compiled, Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import ReturningInsert
from sqlalchemy.sql.schema import CallableColumnDefault
from sqlalchemy.sql.visitors import iterate
from sqlalchemy.types import TypeEngine

from order_factory.models.tables.base import UtcDateTime

_Convert = Callable[[Any], Any]
# The keys of a connection's cursors in its `info`, which is discarded with the connection.
_CURSOR, _CURSOR_OF_TEXTS = "quick_cursor", "quick_cursor_of_texts"
# A list of values is filled up to one of these lengths, so that few statements are compiled.
_LENGTHS = (1, 2, 5, 10, 25, 50, 100, 250, 1_000, 5_000, 20_000)


class QuickSelect:
    """A SELECT whose rows are dicts by column name.

    Its parameters are its `bindparam`s without a value. An expanding parameter takes a list, in
    which values may be repeated. The times in the columns `texts` stay as the database writes them.
    """

    def __init__(self, statement: Select[Any], texts: frozenset[str] = frozenset()) -> None:
        self._statement, self._texts = statement, texts
        binds = (each for each in iterate(statement) if isinstance(each, BindParameter))
        self._lists = [bind.key for bind in binds if bind.expanding and bind.required]

    def rows(self, db: Connection, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the rows. Raises the same errors as SQLAlchemy."""
        given = dict(parameters)
        for name in self._lists:
            given[name] = _fill_up(given[name])
        lengths = tuple(len(given[name]) for name in self._lists)
        compiled = _compile(self._statement, db.dialect, lengths, self._texts)
        cursor = _get_cursor(db, reads_times=not self._texts)
        with _wrapping_errors(db, compiled.sql):
            cursor.execute(compiled.sql, compiled.arguments(given))
            rows_read = cursor.fetchall()
        return compiled.convert(rows_read, cursor)


@dataclass(frozen=True)
class _RowToInsert:
    """What the default of a column may read; SQLAlchemy passes its own context to the default."""

    values: Mapping[str, Any]

    def get_current_parameters(self) -> Mapping[str, Any]:
        return self.values


class QuickInsert:
    """An INSERT of one row. The other columns get their defaults: those of the table's declaration,
    which must be functions, and those of the database.
    """

    def __init__(self, table: Table, returning: Sequence[Column[Any]] = ()) -> None:
        insert_row = insert(table)
        self._statement = insert_row.returning(*returning) if returning else insert_row.inline()
        self._types = tuple(each.type for each in returning)
        self._defaults: dict[str, _Convert] = {}
        for column in table.c:
            if column.default is not None:
                assert isinstance(column.default, CallableColumnDefault)
                self._defaults[column.name] = column.default.arg

    def insert(self, db: Connection, values: Mapping[str, Any]) -> dict[str, Any]:
        """Insert a row. Returns its columns of `returning`. Raises the same errors as SQLAlchemy."""
        row = _RowToInsert(values)
        computed = {
            name: compute(row) for name, compute in self._defaults.items() if name not in values
        }
        values = {**values, **computed}
        compiled = _compile_insert(self._statement, self._types, db.dialect, tuple(values))
        cursor = _get_cursor(db)
        with _wrapping_errors(db, compiled.sql):
            cursor.execute(compiled.sql, compiled.arguments(values))
            returned = cursor.fetchall() if self._types else []
        return compiled.convert(returned, cursor)[0] if returned else {}


def _get_cursor(db: Connection, *, reads_times: bool = True) -> Any:
    """Return the cursor of this connection. In psycopg, making one takes longer than using it."""
    name = _CURSOR if reads_times else _CURSOR_OF_TEXTS
    cursor: Any = db.info.get(name)
    if cursor is None:
        cursor = db.info[name] = db.connection.cursor()
        if not reads_times and db.dialect.name == "postgresql":
            # Only psycopg has it, and only PostgreSQL needs psycopg.
            from psycopg.types.string import TextLoader

            cursor.adapters.register_loader("timestamptz", TextLoader)
    return cursor


class _Compiled:
    """A statement, compiled for one database and for lists of certain lengths."""

    def __init__(
        self,
        compiled: Compiled,
        types: Sequence[TypeEngine[Any]] = (),
        lengths: Sequence[int] = (),
        texts: frozenset[str] = frozenset(),
    ) -> None:
        assert isinstance(compiled, SQLCompiler)
        dialect = compiled.dialect
        lengths_left = iter(lengths)
        example: dict[str, Any] = {}
        self._prepare: dict[str, _Convert] = {}
        self._lists: dict[str, _Convert] = {}
        for bind, name in compiled.bind_names.items():
            prepare = bind.type.dialect_impl(dialect).bind_processor(dialect) or _keep_value
            if bind.required and bind.expanding:
                example[name] = [None] * next(lengths_left)
                self._lists[name] = prepare
            elif bind.required:
                example[name] = None
                self._prepare[name] = prepare
        expanded = compiled.construct_expanded_state(example)
        self.sql = expanded.statement
        self._order = expanded.positiontup
        self._parts = expanded.parameter_expansion
        varying = {*example, *(each for name in self._lists for each in self._parts[name])}
        self._fixed = {
            name: expanded.processors.get(name, _keep_value)(_drop_enum(value))
            for name, value in expanded.parameters.items()
            if name not in varying
        }
        self._dialect = dialect
        self._types = types
        self._texts = texts
        self._reading: tuple[list[str], list[tuple[str, _Convert]]] | None = None

    def arguments(self, parameters: Mapping[str, Any]) -> Any:
        """Return the parameters as the driver takes them."""
        named = dict(self._fixed)
        for name, prepare in self._prepare.items():
            named[name] = prepare(parameters[name])
        for name, prepare in self._lists.items():
            named |= zip(self._parts[name], map(prepare, parameters[name]), strict=True)
        return named if self._order is None else tuple(named[name] for name in self._order)

    def convert(self, rows: list[tuple[Any, ...]], cursor: Any) -> list[dict[str, Any]]:
        """Return the driver's rows by column name, each value in its Python type."""
        if not rows:
            return []
        if self._reading is None:
            # psycopg builds a new description at every access.
            self._reading = self._plan_reading(cursor.description)
        names, converters = self._reading
        named_rows = [dict(zip(names, row, strict=True)) for row in rows]
        for name, convert in converters:
            for named in named_rows:
                value = named[name]
                if value is not None:
                    named[name] = convert(value)
        return named_rows

    def _plan_reading(self, description: Any) -> tuple[list[str], list[tuple[str, _Convert]]]:
        """Return the names of the columns, and the converters of the columns that need one."""
        names = [each[0] for each in description]
        converters = [
            None if name in self._texts else _make_converter(type_, self._dialect, each[1])
            for name, type_, each in zip(names, self._types, description, strict=True)
        ]
        return names, [(name, each) for name, each in zip(names, converters, strict=True) if each]


@lru_cache(maxsize=2_048)
def _compile(
    statement: Select[Any], dialect: Dialect, lengths: tuple[int, ...], texts: frozenset[str]
) -> _Compiled:
    types = [each.type for each in statement.selected_columns]
    return _Compiled(statement.compile(dialect=dialect), types, lengths, texts)


@lru_cache(maxsize=2_048)
def _compile_insert(
    statement: Insert | ReturningInsert[Any],
    types: tuple[TypeEngine[Any], ...],
    dialect: Dialect,
    names: tuple[str, ...],
) -> _Compiled:
    return _Compiled(statement.compile(dialect=dialect, column_keys=list(names)), types)


def _fill_up(values: Sequence[Any]) -> list[Any]:
    """Return the values, filled up to one of the lengths with the last value, or null if empty."""
    length = _LENGTHS[bisect_left(_LENGTHS, len(values))]
    last = values[-1] if values else None
    return [*values, *([last] * (length - len(values)))]


def _keep_value(value: Any) -> Any:
    return value


def _drop_enum(value: Any) -> Any:
    # psycopg would look at the members of an enum at every execution.
    return str(value) if isinstance(value, StrEnum) else value


def _make_converter(type_: TypeEngine[Any], dialect: Dialect, code: Any) -> _Convert | None:
    if isinstance(type_, UtcDateTime):
        return _convert_sqlite_time if dialect.name == "sqlite" else _convert_postgresql_time
    convert: _Convert | None = type_.dialect_impl(dialect).result_processor(dialect, code)
    return convert


def _convert_sqlite_time(value: str) -> datetime:
    return datetime.fromisoformat(value).replace(tzinfo=UTC)


def _convert_postgresql_time(value: datetime | str) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.astimezone(UTC)


@contextmanager
def _wrapping_errors(db: Connection, sql: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise _wrap_error(db, sql, error) from error


def _wrap_error(db: Connection, sql: str, error: Exception) -> BaseException:
    """Return the error with which SQLAlchemy would wrap this error of the driver."""
    base = db.dialect.loaded_dbapi.Error
    if not isinstance(error, base):
        return error
    lost = db.dialect.is_disconnect(error, db.connection.dbapi_connection, None)
    reported = DBAPIError.instance(
        sql,
        None,
        error,
        base,
        hide_parameters=True,
        connection_invalidated=lost,
        dialect=db.dialect,
    )
    if lost:
        db.invalidate(error)
    return reported
