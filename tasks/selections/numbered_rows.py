"""The rows of a selection by column, with the numbers by which a person finds them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class NumberedRows:
    """Lists of equal length: the rows' numbers, and the values of each column by its name.

    `counted` is what the numbers count: "line" in text files, "row" elsewhere.
    """

    counted: str
    numbers: list[int]
    columns: dict[str, list[Any]]

    def __len__(self) -> int:
        return len(self.numbers)

    def parts(self, size: int) -> Iterator["NumberedRows"]:
        """The same rows, at most `size` at a time."""
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            columns = {name: values[part] for name, values in self.columns.items()}
            yield NumberedRows(self.counted, self.numbers[part], columns)

    def only(self, kept: list[bool]) -> "NumberedRows":
        """The rows for which `kept` has True."""
        columns = {name: _only(values, kept) for name, values in self.columns.items()}
        return NumberedRows(self.counted, _only(self.numbers, kept), columns)


def _only(values: list[Any], kept: list[bool]) -> list[Any]:
    return [value for value, keep in zip(values, kept, strict=True) if keep]
