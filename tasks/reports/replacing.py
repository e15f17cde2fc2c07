"""Replacing a file as a whole: a reader finds the old one or the new one, never half of one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """The path of a temporary file in the same folder; it gets the name `path` after the block.

    Two runs of one batch may write the same report at the same time, so each has a temporary file
    of its own. If the block raises, its file is deleted and `path` stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{uuid4().hex[:8]}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
