"""Check the rows of a chunk: return the valid rows, and the errors of the others."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from order_factory.models.requests.import_rows import ImportRow
from order_factory.models.requests.import_values import NO_ZONE, has_decimals
from order_factory.models.values.keys import comparison_key
from order_factory.tasks.imports.rejects import Reject
from order_factory.tasks.imports.resources import RESOURCES, Resource, column_without_default
from order_factory.tasks.row_files.records import Record

# Replacements for pydantic's messages that say too little or mention Python types.
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

# A column name in a file can have any length.
_SHOWN = 100


def find_decimals(resource_name: str, records: Iterable[Record]) -> int | None:
    """Return the first line with an amount with decimals, like 20.00; None if there is none.

    In such a file, 20 may also mean 20.00, so none of its amounts can be imported.
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
    resource_name: str, records: Sequence[Record], line_with_decimals: int | None = None
) -> tuple[list[dict[str, Any]], list[Reject]]:
    """Return the valid rows, each a dict of all the resource's columns and `line`, and the rejects.

    A row with several errors has several rejects. If a line of the file has an amount with
    decimals, no row with an amount is valid.
    """
    rejects = [Reject(each.line, "", each.problem) for each in records if each.problem]
    readable = [each for each in records if not each.problem]
    adapter = _adapter(resource_name)
    try:
        rows = adapter.validate_python([each.values for each in readable])
    except ValidationError as error:
        invalid = set()
        for error_details in error.errors(include_url=False, include_input=False):
            index, *path = error_details["loc"]
            invalid.add(index)
            column = str(path[0])[:_SHOWN] if path else ""
            rejects.append(Reject(readable[int(index)].line, column, _reason(error_details)))
        readable = [each for index, each in enumerate(readable) if index not in invalid]
        rows = adapter.validate_python([each.values for each in readable])
    if line_with_decimals is not None:
        ambiguous = [
            _reject_ambiguous_amount(resource_name, each, line_with_decimals) for each in readable
        ]
        rejects += [reject for reject in ambiguous if reject is not None]
        readable, rows = _drop_rejected(readable, rows, ambiguous)
    checked = zip(readable, rows, strict=True)
    resource = RESOURCES[resource_name]
    return [_staged_row(resource, each.line, row) for each, row in checked], rejects


def _staged_row(resource: Resource, line: int, row: ImportRow) -> dict[str, Any]:
    # These models are flat, so their own dict equals a dump.
    values = {"line": line, **row.__dict__}
    for name in resource.defaults:
        values[column_without_default(name)] = (
            values[name] if name in row.model_fields_set else None
        )
    for key, name in resource.compared_by.items():
        text = values[name]
        values[key] = None if text is None else comparison_key(text)
    return values


def _reject_ambiguous_amount(
    resource_name: str, record: Record, line_with_decimals: int
) -> Reject | None:
    names = [name for name in _amount_columns(resource_name) if name in record.values]
    if not names:
        return None
    reason = (
        f"is a whole number, but line {line_with_decimals} has an amount with decimals; "
        "write all amounts of the file in whole cents"
    )
    return Reject(record.line, names[0], reason)


def _drop_rejected(
    records: list[Record], rows: list[ImportRow], rejects: Sequence[Reject | None]
) -> tuple[list[Record], list[ImportRow]]:
    valid = [position for position, reject in enumerate(rejects) if reject is None]
    return [records[position] for position in valid], [rows[position] for position in valid]


@cache
def _amount_columns(resource_name: str) -> tuple[str, ...]:
    return tuple(name for name in RESOURCES[resource_name].columns if name.endswith("_cents"))


@cache
def _adapter(resource_name: str) -> TypeAdapter[list[ImportRow]]:
    row = RESOURCES[resource_name].row
    return TypeAdapter(list[row])  # type: ignore[valid-type]


def _reason(error_details: ErrorDetails) -> str:
    kind = error_details["type"]
    if kind == "string_pattern_mismatch":
        return _PATTERNS[error_details["ctx"]["pattern"]]
    return _WORDS.get(kind, error_details["msg"].removeprefix("Value error, "))
