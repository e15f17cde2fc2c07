"""Reading JSON Lines: UTF-8, one JSON object a line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from order_factory.tasks.imports.records import Record, Source, given
from order_factory.tasks.imports.text_files import count_lines, not_utf8

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def open_json_lines(path: Path) -> Source:
    """The names in the file's first object, and its rows; lines are counted from 1.

    A line that is no JSON object is a record with a problem. Raises `InvalidRequest` for a file
    whose first line holds the character 0, as UTF-16 does.
    """
    with path.open("rb") as file:
        if b"\0" in file.readline():
            raise not_utf8(path)
    first = next((found for _, found in _objects(path) if isinstance(found, dict)), None)
    columns = None if first is None else tuple(first)
    return Source(columns, count_lines(path), lambda: _records(path))


def _records(path: Path) -> Iterator[Record]:
    for line, found in _objects(path):
        if isinstance(found, dict):
            yield Record(line, given(found))
        else:
            yield Record(line, {}, found)


def _objects(path: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Each line's number with its object, or with what is wrong with it; blank lines left out."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            text = line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line
            if text.strip():
                yield number, _object(text)


def _object(text: bytes) -> dict[str, Any] | str:
    try:
        found = json.loads(text.decode(), parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        return "is not UTF-8 text"
    except json.JSONDecodeError as error:
        return f"is not JSON: {error.msg} at character {error.pos + 1}"
    except (ValueError, RecursionError):
        return "is not JSON that can be read: a number too long, or nested too deep"
    return found if isinstance(found, dict) else "is not a JSON object"


def _refuse_constant(name: str) -> NoReturn:
    raise json.JSONDecodeError(f"{name} is no JSON", name, 0)
