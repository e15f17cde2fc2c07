"""Find the files of an import: one file, or the files of a folder in import order."""

from dataclasses import dataclass
from pathlib import Path

from order_factory.models.errors import InvalidRequest
from order_factory.tasks.imports.resources import RESOURCES, Resource
from order_factory.tasks.row_files.opening import ENDINGS

OTHER_PLATFORMS = (
    "For an order export of another platform add --format shopify, woocommerce or adobe_commerce."
)


@dataclass(frozen=True)
class ImportFile:
    """One file, and its resource, which is the first part of the file's name."""

    path: Path
    resource_name: str

    @property
    def resource(self) -> Resource:
        return RESOURCES[self.resource_name]

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def format(self) -> str:
        return self.path.suffix.lower()


def find_files(path: str) -> list[ImportFile]:
    """Return the files to import, sorted so that references point to earlier files.

    Raises `InvalidRequest` for a path that does not exist, a folder without importable files,
    and a file with an unknown name or ending.
    """
    files = [_identify(each) for each in find_paths(path)]
    order = list(RESOURCES)
    return sorted(files, key=lambda file: (order.index(file.resource_name), file.name))


def find_paths(path: str) -> list[Path]:
    """Return the file at the path, or the files of a folder that have a known format.

    Raises `InvalidRequest` if there is none, and for a file of another format.
    """
    location = Path(path)
    if not _exists(location):
        raise InvalidRequest(f"There is no file or folder {path!r} to import.")
    paths = _importable(location) if location.is_dir() else [location]
    if not paths:
        raise InvalidRequest(
            f"The folder {path!r} contains nothing to import: no file ends in {', '.join(ENDINGS)}."
        )
    for each in paths:
        if each.suffix.lower() not in ENDINGS:
            raise InvalidRequest(
                f"The file {str(each)!r} cannot be imported: its name must end in "
                f"{', '.join(ENDINGS)}."
            )
    return paths


def _exists(location: Path) -> bool:
    try:
        return location.exists()
    except OSError:  # an invalid file name, or a folder without read permission
        return False


def _importable(folder: Path) -> list[Path]:
    return [
        path
        for path in folder.iterdir()
        if path.is_file() and path.suffix.lower() in ENDINGS and not path.name.startswith(".")
    ]


def _identify(path: Path) -> ImportFile:
    name = path.name.split(".")[0]
    if name not in RESOURCES:
        raise InvalidRequest(
            f"The file {str(path)!r} cannot be imported: its name must begin with its resource, "
            f"one of {', '.join(RESOURCES)}, like orders{path.suffix}. {OTHER_PLATFORMS}"
        )
    return ImportFile(path, name)
