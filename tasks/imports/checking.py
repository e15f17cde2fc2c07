"""Checking rows: which of a chunk can be staged, and what is wrong with the others."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from order_factory.models.requests.import_rows import ImportRow
from order_factory.tasks.imports.records import Record
from order_factory.tasks.imports.rejects import Reject
from order_factory.tasks.imports.resources import RESOURCES

# pydantic's words where they say too little, or speak of Python.
_WORDS = {
    "missing": "is required",
    "extra_forbidden": "is not a known column",
    "timezone_aware": "has no time zone; write it like 2026-01-15T12:00:00Z",
    "string_type": "is not text; write it in quotes",
    "string_unicode": "is not UTF-8 text",
}
_PATTERNS = {
    r"^[^\x00]*$": "holds the character 0, which cannot be stored",
    r"^[^@\s\x00]+@[^@\s\x00]+$": "is not an email address",
    r"^[A-Z]{2}$": "is not an ISO 3166 country code of two upper-case letters",
    r"^[A-Z]{3}$": "is not an ISO 4217 currency code of three upper-case letters",
}

# A name that the file made up may be of any length.
_SHOWN = 100


def check_rows(
    resource_name: str, records: Sequence[Record]
) -> tuple[list[dict[str, Any]], list[Reject]]:
    """The valid rows, each a dict of all the resource's columns and `line`; and the rejects.

    A row with several faults has several rejects.
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
    checked = zip(readable, rows, strict=True)
    # Nothing nests below these models, so that their own dict is what a dump would build anew.
    return [{"line": each.line, **row.__dict__} for each, row in checked], rejects


@cache
def _adapter(resource_name: str) -> TypeAdapter[list[ImportRow]]:
    row = RESOURCES[resource_name].row
    return TypeAdapter(list[row])  # type: ignore[valid-type]


def _reason(fault: ErrorDetails) -> str:
    kind = fault["type"]
    if kind == "string_pattern_mismatch":
        return _PATTERNS[fault["ctx"]["pattern"]]
    return _WORDS.get(kind, fault["msg"].removeprefix("Value error, "))
