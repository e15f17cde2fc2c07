"""Replace a file atomically: a reader sees the old file or the new one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Yield the path of a temporary file in the same folder, which is renamed to `path` at the end.

    Two runs of a batch may write the same report at the same time, so each has its own temporary
    file. If the block raises, its file is deleted and `path` does not change.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{uuid4().hex[:8]}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
