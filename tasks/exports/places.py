"""The place and the format of an export, chosen by its path."""

from pathlib import Path

from order_factory.models.errors import InvalidRequest
from order_factory.tasks.exports.checkpoints import ExportPlace
from order_factory.tasks.exports.formats import FORMATS

_DEFAULT = "csv"


def find_place(path: str, format_name: str | None, files: int) -> tuple[ExportPlace, str]:
    """Return the place of an export with this number of `files`, and the name of its format.

    A path with the ending of a format is a file. Any other path is a folder. Raises
    `InvalidRequest` if the ending is not that of the format, or if one path is for several files.
    """
    given = Path(path)
    ending = given.suffix.lower().removeprefix(".")
    if ending not in FORMATS:
        name = format_name or _DEFAULT
        return ExportPlace(given, name, is_folder=True), name
    if files > 1:
        raise InvalidRequest(
            f"The export has {files} files, one for each resource. "
            f"Give a folder instead of {path!r}."
        )
    if format_name not in (None, ending):
        raise InvalidRequest(
            f"The file {path!r} cannot be {format_name}: its name ends in .{ending}."
        )
    return ExportPlace(given, ending, is_folder=False), ending
