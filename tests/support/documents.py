"""The code blocks and commands of a Markdown page."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(order-factory [^`]+)`")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language and its text."""

    language: str
    text: str

    @property
    def commands(self) -> list[str]:
        """The lines of a bash block, without comments and blank lines."""
        lines = (line.partition("  #")[0].strip() for line in self.text.splitlines())
        return [line for line in lines if line and not line.startswith("#")]


def read_blocks(page: Path) -> list[Block]:
    """The page's fenced blocks, in order."""
    return [Block(*match) for match in _FENCE.findall(page.read_text(encoding="utf-8"))]


def read_commands(page: Path) -> list[list[str]]:
    """The arguments of each whole `order-factory` command in a bash block of the page."""
    lines = [
        line for block in read_blocks(page) if block.language == "bash" for line in block.commands
    ]
    return [shlex.split(line)[1:] for line in lines if line.startswith("order-factory ")]


def find_mentions(page: Path) -> list[list[str]]:
    """The arguments of each command that a sentence mentions; it may be only its beginning."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return [shlex.split(command)[1:] for command in _INLINE.findall(text)]
