"""Pack a file for the database: into compressed pieces on disk, so that memory does not grow."""

import hashlib
import zlib
from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import IO

# The size of a piece before compression, in bytes.
PIECE_BYTES = 1 << 20
# The fastest level. A CSV file shrinks to a third or a fifth.
_LEVEL = 1


class PackedFile:
    """A file that is ready to be stored: its name, its size, its digest and its pieces.

    The pieces are in a file without a name. The system deletes it when the process ends.
    """

    def __init__(self, name: str, source: IO[bytes]) -> None:
        """Read the source from its beginning. Raises `OSError` if the disk is full."""
        self.name = name
        self.bytes_count = 0
        self._sizes: list[int] = []
        self._pieces = TemporaryFile()  # noqa: SIM115  (`close` closes it)
        digest = hashlib.sha256()
        source.seek(0)
        while piece := source.read(PIECE_BYTES):
            digest.update(piece)
            self.bytes_count += len(piece)
            packed = zlib.compress(piece, _LEVEL)
            self._pieces.write(packed)
            self._sizes.append(len(packed))
        self._pieces.flush()
        self.sha256 = digest.hexdigest()

    def pieces(self) -> Iterator[bytes]:
        """Yield the compressed pieces, from the first."""
        self._pieces.seek(0)
        for size in self._sizes:
            yield self._pieces.read(size)

    def close(self) -> None:
        self._pieces.close()
