"""The shared texts of a workbook, to which cells refer by position. They are kept on the disk."""

from array import array
from collections.abc import Iterable
from tempfile import TemporaryFile

_WIDTH = array("Q").itemsize


class SharedTexts:
    """A sequence of texts in two files without names, so that memory does not grow with them."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Write the texts. Raises `OSError` if the disk is full."""
        self._texts = TemporaryFile()  # noqa: SIM115  (`close` closes it)
        # The offsets at which the texts begin, and the end of the last one.
        self._starts = TemporaryFile()  # noqa: SIM115  (`close` closes it)
        self._count, start = 0, 0
        try:
            self._starts.write(array("Q", [start]))
            for text in texts:
                # A damaged file may have half a surrogate pair. The check of the row refuses it.
                start += self._texts.write(text.encode(errors="surrogatepass"))
                self._starts.write(array("Q", [start]))
                self._count += 1
        except BaseException:
            self.close()
            raise

    def __getitem__(self, place: int) -> str:
        if not 0 <= place < self._count:
            raise IndexError(place)
        self._starts.seek(place * _WIDTH)
        start, end = array("Q", self._starts.read(2 * _WIDTH))
        self._texts.seek(start)
        return self._texts.read(end - start).decode(errors="surrogatepass")

    def close(self) -> None:
        self._texts.close()
        self._starts.close()
