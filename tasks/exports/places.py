"""Where an export is written, and in which format: as its path and the caller say."""

from pathlib import Path

from order_factory.models.errors import InvalidRequest
from order_factory.tasks.exports.checkpoints import ExportPlace
from order_factory.tasks.exports.formats import FORMATS

_DEFAULT = "csv"


def find_place(path: str, format_name: str | None, files: int) -> tuple[ExportPlace, str]:
    """Return where an export of `files` files is written, and the name of its format.

    A path that ends in a format is a file; any other is a folder. Raises `InvalidRequest` where
    the path and the format disagree, or several files would have one path.
    """
    given = Path(path)
    ending = given.suffix.lower().removeprefix(".")
    if ending not in FORMATS:
        name = format_name or _DEFAULT
        return ExportPlace(given, name, is_folder=True), name
    if files > 1:
        raise InvalidRequest(
            f"The export has {files} files, one for each resource. Give a folder instead of {path!r}."
        )
    if format_name not in (None, ending):
        raise InvalidRequest(
            f"The file {path!r} cannot be {format_name}: its name ends in .{ending}."
        )
    return ExportPlace(given, ending, is_folder=False), ending
