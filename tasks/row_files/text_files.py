"""Text files: detect their encoding, and count their lines."""

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

from order_factory.models.errors import InvalidRequest

# A byte that cannot be decoded is read as half a surrogate pair.
UNDECODED = re.compile("[\udc80-\udcff]")
_BLOCK = 1 << 20
_FIRST_BYTES = 4096
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_MULTIBYTE = re.compile(rb"[\xc2-\xf4][\x80-\xbf]+")
_NAMES = {"utf-16": "UTF-16", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16", "cp1252": "Latin-1"}


@dataclass(frozen=True)
class TextFile:
    """A text file with its encoding. Bytes that do not fit it are read as half surrogate pairs.

    `is_complete` says whether the last line ends like the others.
    """

    path: Path
    encoding: str
    lines: int
    is_complete: bool

    @property
    def encoding_name(self) -> str:
        """The name of the encoding for people. It is empty for UTF-8, which is expected."""
        return _NAMES.get(self.encoding, "")


def open_text(path: Path) -> TextFile:
    """Detect the encoding (UTF-8, UTF-16 or Latin-1) and count the lines, in one pass.

    A file that is not UTF-8 is read as Latin-1 (cp1252, the variant of Windows). If a part of it is
    UTF-8, it is damaged UTF-8, and the rows with the damage are unreadable.
    """
    with path.open("rb") as file:
        start = file.read(_FIRST_BYTES)
    encoding = _announced(start)
    if encoding.startswith("utf-16"):
        return TextFile(path, encoding, *_count_decoded(path, encoding))
    lines, is_complete, is_utf8, has_multibyte = _scan(path)
    if not is_utf8 and not has_multibyte and encoding != "utf-8-sig":
        encoding = "cp1252"
    return TextFile(path, encoding, lines, is_complete)


def not_text(path: Path) -> InvalidRequest:
    return InvalidRequest(f"The file {path.name} is not readable text; save it as UTF-8.")


def _announced(start: bytes) -> str:
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if start.startswith(mark):
            return encoding
    # Without a mark, UTF-16 shows in the byte 0: it is half of every Western character.
    first, second = start[::2].count(0), start[1::2].count(0)
    if second > len(start) // 4 and first * 8 < second:
        return "utf-16-le"
    if first > len(start) // 4 and second * 8 < first:
        return "utf-16-be"
    return "utf-8"


def _scan(path: Path) -> tuple[int, bool, bool, bool]:
    """Return the lines, and whether the last one ends, all is UTF-8, some UTF-8 is not ASCII."""
    lines, last, is_utf8, has_multibyte = 0, b"\n", True, False
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            lines += block.count(b"\n")
            last = block[-1:]
            if is_utf8:
                try:
                    decoder.decode(block)
                except UnicodeDecodeError:
                    is_utf8 = False
            has_multibyte = has_multibyte or (not block.isascii() and _some_utf8(block))
    if is_utf8:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            is_utf8 = False
    return lines + (last != b"\n"), last == b"\n", is_utf8, has_multibyte


def _some_utf8(block: bytes) -> bool:
    for match in _MULTIBYTE.finditer(block):
        try:
            match[0].decode()
        except UnicodeDecodeError:
            continue
        return True
    return False


def _count_decoded(path: Path, encoding: str) -> tuple[int, bool]:
    """Return the number of lines, and whether the last one ends."""
    lines, last = 0, "\n"
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        while block := file.read(_BLOCK):
            lines += block.count("\n")
            last = block[-1:]
    return lines + (last != "\n"), last == "\n"
