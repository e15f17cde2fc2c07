"""The rows of a selection in temporary tables, and a check against the database."""

import json
from collections.abc import Callable, Sequence
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
from order_factory.models.values.public_ids import Resource, parse_public_id
from order_factory.models.values.statuses import Mode
from order_factory.tasks.factories.similar_numbers import find_hints, find_similar_orders
from order_factory.tasks.factories.source_orders import MODES_OF_IDS
from order_factory.tasks.selections.checking import Selection
from order_factory.tasks.selections.reading import Problem
from order_factory.tasks.working_set.statements import (
    Rows,
    execute_and_count,
    insert_counted,
    table_of,
)
from order_factory.tasks.working_set.tables import temporary

# Hints for the unknown names of orders, in a mode.
FindHints = Callable[[Connection, Sequence[str], Mode], dict[str, str]]

_ROWS_AT_ONCE = 10_000
_METADATA = MetaData()
_OBJECTS = {"metadata"} | {option.name for option in EVERY_OPTION if option.type is dict}
_NAMES = {option.name: option.names for option in EVERY_OPTION if option.names is not None}
_order = table_of(Order)

# The rows of the selection, one per copy; `key` is the order's id if its name can be a public id.
# Columns that no row fills are null.
requested_rows = temporary(
    _METADATA,
    "tmp_requested_rows",
    Column("row", BigId, primary_key=True, autoincrement=False),
    Column("source_order", String, nullable=False),
    Column("key", BigInteger),
    *(Column(option.name, column_type(option)) for option in EVERY_OPTION),
    Column("reference", String),
    Column("reference_origin", String),
    Column("metadata", JsonObject),
)

# The orders that each row refers to: one, unless the row is wrong.
matched_orders = temporary(
    _METADATA,
    "tmp_matched_orders",
    Column("row", BigInteger, nullable=False),
    Column("source_order_id", BigInteger, nullable=False),
    Column("mode", String(4), nullable=False),
    Column("reference", String, nullable=False),
)


def _fill_requested_rows(db: Connection, selection: Selection) -> None:
    for part in selection.rows.parts(_ROWS_AT_ONCE):
        columns = part.columns | {"row": part.numbers}
        # Public ids have letters only; testing for letters is much faster than decoding.
        if any(map(str.isalpha, columns["source_order"])):
            columns["key"] = [
                parse_public_id(Resource.orders, name) if name.isalpha() else None
                for name in columns["source_order"]
            ]
        for name in _OBJECTS & columns.keys():
            columns[name] = [
                None if value is None else json.dumps(value) for value in columns[name]
            ]
        for name in _NAMES.keys() & columns.keys():
            columns[name] = [stored_name(_NAMES[name], value) for value in columns[name]]
        fill(db, requested_rows, columns)
    analyze_table(db, requested_rows)


def _fill_matched_orders(
    db: Connection, rows_count: int, mode: Mode, modes_of_ids: Sequence[Mode]
) -> bool:
    """Find each row's orders, by number in this mode and by public id in these modes.

    Returns whether each row has one order by its number, so that no row can be wrong.
    """
    columns = (
        requested_rows.c.row,
        _order.c.id,
        _order.c.mode,
        func.coalesce(requested_rows.c.reference, ""),
    )
    by_number = and_(_order.c.mode == mode, _order.c.number == requested_rows.c.source_order)
    by_id = and_(requested_rows.c.key.is_not(None), _order.c.id == requested_rows.c.key)
    not_by_number = and_(
        by_id,
        _order.c.mode.in_(modes_of_ids),
        _order.c.number.is_distinct_from(requested_rows.c.source_order),
    )
    names = [column.key for column in matched_orders.c]
    numbered, others = (
        execute_and_count(
            db,
            insert_counted(
                matched_orders,
                names,
                select(*columns).select_from(requested_rows.join(_order, condition)),
            ),
        )
        for condition in (by_number, not_by_number)
    )
    analyze_table(db, matched_orders)
    # In a mode, a number belongs to one order only.
    return numbered == rows_count and not others


_COUNT_ORDERS = select(func.count(matched_orders.c.source_order_id.distinct()))


def _select_unknown() -> Select[Any]:
    rows = select(requested_rows.c.row, requested_rows.c.source_order)
    return rows.where(requested_rows.c.row.not_in(select(matched_orders.c.row)))


def _select_ambiguous() -> Select[Any]:
    ambiguous = select(matched_orders.c.row).group_by(matched_orders.c.row).having(func.count() > 1)
    return select(requested_rows.c.row, requested_rows.c.source_order).where(
        requested_rows.c.row.in_(ambiguous)
    )


def _select_repeated() -> Rows:
    """Select the rows with the order and the reference of an earlier row."""
    first = func.min(matched_orders.c.row).over(
        partition_by=(matched_orders.c.source_order_id, matched_orders.c.reference)
    )
    rows = select(matched_orders.c.row, first.label("first")).subquery()
    repeated = select(
        rows.c.row, requested_rows.c.source_order, requested_rows.c.reference, rows.c.first
    )
    repeated = repeated.join(requested_rows, requested_rows.c.row == rows.c.row)
    return repeated.where(rows.c.row != rows.c.first).distinct()


def describe_repetition(order: str, reference: str | None, first: str) -> str:
    reference_text = f" with the reference {reference!r}" if reference else ""
    return (
        f"order {order!r} is already in {first}{reference_text}; to copy it twice, give each copy "
        "its own reference"
    )


def _describe_hint(hint: str | None) -> str:
    return "" if hint is None else f"; {hint}"


def _find_unmatched(db: Connection, mode: Mode, find_hints: FindHints) -> list[Problem]:
    """Return the problems of the rows that have no order or several."""
    unknown = db.execute(_select_unknown()).all()
    hints = find_hints(db, [order for _, order in unknown], mode)
    problems = [
        (row, f"no {mode} order has the number or id {order!r}" + _describe_hint(hints.get(order)))
        for row, order in unknown
    ]
    return problems + [
        (row, f"{order!r} is the number of one order and the id of another; give another id")
        for row, order in db.execute(_select_ambiguous())
    ]


def _find_repetitions(db: Connection, counted: str) -> list[Problem]:
    """Return the problems of the rows with the order and the reference of an earlier row."""
    return [
        (row, describe_repetition(order, reference, f"{counted} {first}"))
        for row, order, reference, first in db.execute(_select_repeated())
    ]


def _name_rows(counted: str, problems: list[Problem]) -> list[Problem]:
    return [(row, f"{counted} {row}: {line}") for row, line in problems]


def stage(db: Connection, selection: Selection) -> Mode:
    """Fill the temporary tables with the rows and their orders. Returns the orders' mode.

    Raises `SelectionInvalid` with all problems, in the order of the rows: those found before,
    unknown and ambiguous orders, and the same order twice with one reference. Also raises it for a
    selection that mixes the modes.
    """
    empty_stage(db)
    _fill_requested_rows(db, selection)
    size, counted, mode = len(selection.rows), selection.rows.counted, selection.mode
    all_matched = _fill_matched_orders(db, size, mode, MODES_OF_IDS[mode])
    found = [] if all_matched else _find_unmatched(db, mode, find_hints)
    # Counting takes a third of the time of finding repetitions.
    if not all_matched or db.scalar(_COUNT_ORDERS) != size:
        found += _find_repetitions(db, counted)
    problems = selection.problems + _name_rows(counted, found)
    if problems:
        raise SelectionInvalid(selection.name, [message for _, message in sorted(problems)])
    modes = list(db.scalars(select(matched_orders.c.mode).distinct()))
    if len(modes) > 1:
        message = "it mixes orders of test mode with orders of live mode"
        raise SelectionInvalid(selection.name, [message])
    return Mode(modes[0])


def stage_part(db: Connection, part: Selection) -> list[Problem]:
    """Fill the temporary tables with a part of the rows. Returns the problems of their orders.

    All orders must have the selection's mode, and no problem says anything about the other mode.
    The caller finds repetitions, because it sees all parts.
    """
    empty_stage(db)
    _fill_requested_rows(db, part)
    if _fill_matched_orders(db, len(part.rows), part.mode, (part.mode,)):
        return []
    found = _find_unmatched(db, part.mode, find_similar_orders)
    return sorted(_name_rows(part.rows.counted, found))


def empty_stage(db: Connection) -> None:
    """Delete the staged rows. SQLite reuses their memory for the next ones."""
    open_tables(db, _METADATA)
