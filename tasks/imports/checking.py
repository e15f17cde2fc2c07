"""Checking the rows of a chunk: the valid rows, and the errors of the others."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from order_factory.models.requests.import_rows import ImportRow
from order_factory.models.requests.import_values import NO_ZONE, has_decimals
from order_factory.models.values.keys import comparison_key
from order_factory.tasks.imports.rejects import Reject
from order_factory.tasks.imports.resources import RESOURCES, Resource, given_column
from order_factory.tasks.row_files.records import Record

# pydantic's words where they say too little, or speak of Python.
_WORDS = {
    "missing": "is required",
    "extra_forbidden": "is not a known column",
    "timezone_aware": NO_ZONE,
    "string_type": "is not text; write it in quotes",
    "string_unicode": "is not UTF-8 text",
}
_PATTERNS = {
    r"^[^\x00]*$": "contains the character 0, which cannot be stored",
    r"^[^@\s\x00]+@[^@\s\x00]+$": "is not an email address",
}

# A name that the file made up may be of any length.
_SHOWN = 100


def find_decimals(resource_name: str, records: Iterable[Record]) -> int | None:
    """The first line with an amount that is written with decimals, like 20.00; None without one.

    In such a file 20 may mean 20.00 as well, so that none of its amounts can be taken.
    """
    names = _amount_columns(resource_name)
    if not names:
        return None
    return next(
        (
            record.line
            for record in records
            if any(has_decimals(record.values.get(name)) for name in names)
        ),
        None,
    )


def check_rows(
    resource_name: str, records: Sequence[Record], decimals_at: int | None = None
) -> tuple[list[dict[str, Any]], list[Reject]]:
    """The valid rows, each a dict of all the resource's columns and `line`; and the rejects.

    A row with several faults has several rejects. Where a line of the file has an amount with
    decimals, no row with an amount is valid.
    """
    rejects = [Reject(each.line, "", each.problem) for each in records if each.problem]
    readable = [each for each in records if not each.problem]
    adapter = _adapter(resource_name)
    try:
        rows = adapter.validate_python([each.values for each in readable])
    except ValidationError as error:
        bad = set()
        for fault in error.errors(include_url=False, include_input=False):
            index, *where = fault["loc"]
            bad.add(index)
            column = str(where[0])[:_SHOWN] if where else ""
            rejects.append(Reject(readable[int(index)].line, column, _reason(fault)))
        readable = [each for index, each in enumerate(readable) if index not in bad]
        rows = adapter.validate_python([each.values for each in readable])
    if decimals_at is not None:
        doubtful = [_doubtful_amount(resource_name, each, decimals_at) for each in readable]
        rejects += [reject for reject in doubtful if reject is not None]
        readable, rows = _without(readable, rows, doubtful)
    checked = zip(readable, rows, strict=True)
    resource = RESOURCES[resource_name]
    return [_staged_row(resource, each.line, row) for each, row in checked], rejects


def _staged_row(resource: Resource, line: int, row: ImportRow) -> dict[str, Any]:
    # Nothing nests below these models, so that their own dict is what a dump would build again.
    values = {"line": line, **row.__dict__}
    for name in resource.defaults:
        values[given_column(name)] = values[name] if name in row.model_fields_set else None
    for key, name in resource.compared_by.items():
        text = values[name]
        values[key] = None if text is None else comparison_key(text)
    return values


def _doubtful_amount(resource_name: str, record: Record, decimals_at: int) -> Reject | None:
    names = [name for name in _amount_columns(resource_name) if name in record.values]
    if not names:
        return None
    reason = (
        f"is a whole number, but line {decimals_at} has an amount with decimals; "
        "write all amounts of the file in whole cents"
    )
    return Reject(record.line, names[0], reason)


def _without(
    records: list[Record], rows: list[ImportRow], rejects: Sequence[Reject | None]
) -> tuple[list[Record], list[ImportRow]]:
    kept = [place for place, reject in enumerate(rejects) if reject is None]
    return [records[place] for place in kept], [rows[place] for place in kept]


@cache
def _amount_columns(resource_name: str) -> tuple[str, ...]:
    return tuple(name for name in RESOURCES[resource_name].columns if name.endswith("_cents"))


@cache
def _adapter(resource_name: str) -> TypeAdapter[list[ImportRow]]:
    row = RESOURCES[resource_name].row
    return TypeAdapter(list[row])  # type: ignore[valid-type]


def _reason(fault: ErrorDetails) -> str:
    kind = fault["type"]
    if kind == "string_pattern_mismatch":
        return _PATTERNS[fault["ctx"]["pattern"]]
    return _WORDS.get(kind, fault["msg"].removeprefix("Value error, "))
