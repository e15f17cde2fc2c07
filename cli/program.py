"""How to call this program again, so that what is suggested can be pasted."""

import shlex
import shutil
import sys
from pathlib import Path


def command_line(*arguments: str) -> str:
    """A command line for a shell: this program, and the arguments quoted where they need it."""
    return " ".join([_program(), *(shlex.quote(argument) for argument in arguments)])


def _program() -> str:
    script = Path(sys.executable).with_name("order-factory")
    if shutil.which("order-factory") == str(script):
        return "order-factory"
    if not script.exists():
        return f"{shlex.quote(sys.executable)} -m cli.main"
    folder = Path.cwd()
    return shlex.quote(str(script.relative_to(folder) if script.is_relative_to(folder) else script))
