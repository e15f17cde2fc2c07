"""The rows of a selection in temporary tables, and a check against the database."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    MetaData,
    Select,
    String,
    and_,
    func,
    insert,
    select,
)

from order_factory.models.database.dialects import analyze_table, fill
from order_factory.models.database.temporary_tables import open_tables
from order_factory.models.errors import SelectionInvalid
from order_factory.models.tables import Order
from order_factory.models.tables.base import BigId, JsonObject
from order_factory.models.tables.option_columns import column_type
from order_factory.models.tables.row_names import stored_name
from order_factory.models.values.copy_options import EVERY_OPTION
from order_factory.models.values.public_ids import Resource, key_of
from order_factory.models.values.statuses import Mode
from order_factory.tasks.factories.source_orders import MODES_OF_IDS
from order_factory.tasks.selections.checking import Selection
from order_factory.tasks.selections.reading import Problem
from order_factory.tasks.selections.similar_numbers import similar_numbers
from order_factory.tasks.working_set.statements import Rows, table_of
from order_factory.tasks.working_set.tables import temporary

_ROWS_AT_ONCE = 10_000
_METADATA = MetaData()
_OBJECTS = {"metadata"} | {option.name for option in EVERY_OPTION if option.type is dict}
_NAMES = {option.name: option.names for option in EVERY_OPTION if option.names is not None}
_order = table_of(Order)

# What was asked for, one row per copy; `key` is the order's where its name can be a public id.
# The columns that no row gives are null.
asked = temporary(
    _METADATA,
    "tmp_asked",
    Column("row", BigId, primary_key=True, autoincrement=False),
    Column("source_order", String, nullable=False),
    Column("key", BigInteger),
    *(Column(option.name, column_type(option)) for option in EVERY_OPTION),
    Column("reference", String),
    Column("reference_origin", String),
    Column("metadata", JsonObject),
)

# The orders that each row names: one, unless the row is wrong.
named = temporary(
    _METADATA,
    "tmp_named",
    Column("row", BigInteger, nullable=False),
    Column("source_order_id", BigInteger, nullable=False),
    Column("mode", String(4), nullable=False),
    Column("reference", String, nullable=False),
)


def _fill_asked(db: Connection, selection: Selection) -> None:
    rows = selection.rows
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = rows.iloc[start : start + _ROWS_AT_ONCE]
        columns = {str(label): part[label].tolist() for label in part.columns}
        columns["row"] = part.index.tolist()
        # Public ids have letters only; testing for letters is much faster than decoding.
        columns["key"] = [
            key_of(Resource.orders, name) if name.isalpha() else None
            for name in columns["source_order"]
        ]
        for name in _OBJECTS & columns.keys():
            columns[name] = [None if held is None else json.dumps(held) for held in columns[name]]
        for name in _NAMES.keys() & columns.keys():
            columns[name] = [stored_name(_NAMES[name], held) for held in columns[name]]
        fill(db, asked, columns)
    analyze_table(db, asked)


def _fill_named(db: Connection, mode: Mode, modes_of_ids: Sequence[Mode]) -> None:
    """Find each row's orders, by the number in this mode and by public id in these modes."""
    columns = (asked.c.row, _order.c.id, _order.c.mode, func.coalesce(asked.c.reference, ""))
    by_number = and_(_order.c.mode == mode, _order.c.number == asked.c.source_order)
    by_id = and_(asked.c.key.is_not(None), _order.c.id == asked.c.key)
    not_by_number = and_(
        by_id,
        _order.c.mode.in_(modes_of_ids),
        _order.c.number.is_distinct_from(asked.c.source_order),
    )
    for fits in (by_number, not_by_number):
        rows = select(*columns).select_from(asked.join(_order, fits))
        db.execute(insert(named).from_select([column.key for column in named.c], rows))
    analyze_table(db, named)


def _unknown() -> Select[Any]:
    rows = select(asked.c.row, asked.c.source_order)
    return rows.where(asked.c.row.not_in(select(named.c.row)))


def _ambiguous() -> Select[Any]:
    several = select(named.c.row).group_by(named.c.row).having(func.count() > 1)
    return select(asked.c.row, asked.c.source_order).where(asked.c.row.in_(several))


def _repeated() -> Rows:
    """Select the rows that name the order of an earlier row under the same reference."""
    first = func.min(named.c.row).over(partition_by=(named.c.source_order_id, named.c.reference))
    rows = select(named.c.row, first.label("first")).subquery()
    repeated = select(rows.c.row, asked.c.source_order, asked.c.reference, rows.c.first)
    repeated = repeated.join(asked, asked.c.row == rows.c.row)
    return repeated.where(rows.c.row != rows.c.first).distinct()


def describe_repetition(order: str, reference: str | None, first: str) -> str:
    same = f" with the reference {reference!r}" if reference else ""
    return (
        f"order {order!r} is already in {first}{same}; to copy it twice, give each copy a "
        "reference of its own"
    )


def _problems(
    db: Connection, counted: str, mode: Mode, repeated: Rows | None = None
) -> list[Problem]:
    """Return the problems of the orders that the rows name; `repeated` selects repetitions."""
    unknown = db.execute(_unknown()).all()
    similar = similar_numbers(db, [order for _, order in unknown])
    problems = [
        (row, f"no {mode} order has the number or id {order!r}{similar.get(order, '')}")
        for row, order in unknown
    ]
    problems += [
        (row, f"{order!r} is the number of one order and the id of another; give another id")
        for row, order in db.execute(_ambiguous())
    ]
    if repeated is not None:
        problems += [
            (row, describe_repetition(order, reference, f"{counted} {first}"))
            for row, order, reference, first in db.execute(repeated)
        ]
    return [(row, f"{counted} {row}: {line}") for row, line in problems]


def stage(db: Connection, selection: Selection) -> Mode:
    """Put the rows into `asked` and the orders that they name into `named`; the orders' mode.

    Raises `SelectionInvalid` with all that is wrong with any row, in the order of the rows: what
    was found before, unknown and ambiguous orders, the same order twice under one reference; and
    for a selection that mixes the modes.
    """
    empty_stage(db)
    _fill_asked(db, selection)
    _fill_named(db, selection.mode, MODES_OF_IDS[selection.mode])
    counted = str(selection.rows.index.name)
    problems = selection.problems + _problems(db, counted, selection.mode, _repeated())
    if problems:
        raise SelectionInvalid(selection.name, [message for _, message in sorted(problems)])
    modes = list(db.scalars(select(named.c.mode).distinct()))
    if len(modes) > 1:
        message = "it mixes orders of test mode with orders of live mode"
        raise SelectionInvalid(selection.name, [message])
    return Mode(modes[0])


def stage_part(db: Connection, part: Selection) -> list[Problem]:
    """Put a part of the rows into the tables; the problems of the orders that it names.

    All orders must be of the selection's mode. Repetitions are left to the caller, who sees all
    parts.
    """
    empty_stage(db)
    _fill_asked(db, part)
    _fill_named(db, part.mode, (part.mode,))
    return sorted(_problems(db, str(part.rows.index.name), part.mode))


def empty_stage(db: Connection) -> None:
    """Delete the staged rows; SQLite reuses their memory for the next ones."""
    open_tables(db, _METADATA)
