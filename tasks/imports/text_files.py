"""What CSV and JSON Lines files have in common."""

from pathlib import Path

from order_factory.models.errors import InvalidRequest

_BLOCK = 1 << 20


def count_lines(path: Path) -> int:
    """The number of lines, the last one counted whether or not it is ended."""
    lines, last = 0, b"\n"
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            lines += block.count(b"\n")
            last = block[-1:]
    return lines + (last != b"\n")


def not_utf8(path: Path) -> InvalidRequest:
    return InvalidRequest(f"The file {path.name} is not UTF-8 text; save it as UTF-8.")
