"""Read JSON Lines: one JSON object per line."""

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NoReturn

from order_factory.tasks.row_files.headers import match_columns
from order_factory.tasks.row_files.records import Record, Source, drop_empty_cells
from order_factory.tasks.row_files.text_files import UNDECODED, TextFile, not_text, open_text


def open_json_lines(path: Path, known: Collection[str]) -> Source:
    """Return the names in the first object, and the rows of the file. Lines are counted from 1.

    A line that is not a JSON object gives a record with a problem. Raises `InvalidRequest` for a
    file whose first line contains the character 0.
    """
    text = open_text(path)
    names = _Names(known)
    first = next((found for _, found in _read_objects(text) if isinstance(found, dict)), None)
    columns = None if first is None else tuple(names.matched(first))
    how = f"as {text.encoding_name} text" if text.encoding_name else ""
    return Source(columns, text.lines, lambda: _read_records(text, names), read_as=how)


class _Names:
    """The known names of the members, cached because most objects have the same members."""

    def __init__(self, known: Collection[str]) -> None:
        self._known = known
        self._matched: dict[tuple[str, ...], list[str]] = {}

    def matched(self, found: dict[str, Any]) -> list[str]:
        names = tuple(found)
        if names not in self._matched:
            self._matched[names] = match_columns(names, self._known)
        return self._matched[names]


def _read_records(text: TextFile, names: _Names) -> Iterator[Record]:
    for line, members in _read_objects(text):
        if not isinstance(members, dict):
            yield Record(line, {}, members)
            continue
        matched = names.matched(members)
        if len(set(matched)) < len(matched):
            yield Record(line, {}, "gives the same column twice")
            continue
        values = drop_empty_cells(dict(zip(matched, members.values(), strict=True)))
        if "" in values:
            yield Record(line, {}, "has a value under no column's name")
        else:
            yield Record(line, values)


def _read_objects(text: TextFile) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Yield each line's number with its object or its problem. Blank lines are skipped."""
    encoding = "utf-8-sig" if text.encoding == "utf-8" else text.encoding
    errors = "replace" if text.encoding.startswith("utf-16") else "surrogateescape"
    with text.path.open(encoding=encoding, errors=errors, newline="\n") as file:
        for number, line in enumerate(file, start=1):
            if number == 1 and "\0" in line:
                raise not_text(text.path)
            if line.strip():
                yield number, _parse_object(line)


def _parse_object(line: str) -> dict[str, Any] | str:
    if not line.isascii() and UNDECODED.search(line):
        return "is not UTF-8 text"
    try:
        value = json.loads(line, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        return f"is not JSON: {error.msg} at character {error.pos + 1}"
    except (ValueError, RecursionError):
        return "is not JSON that can be read: a number too long, or nested too deep"
    return value if isinstance(value, dict) else "is not a JSON object"


def _refuse_constant(name: str) -> NoReturn:
    raise json.JSONDecodeError(f"{name} is no JSON", name, 0)
