"""Command lines of this program that a person can paste into a shell."""

import shlex
import shutil
import sys
from pathlib import Path


def command_line(*arguments: str, program: str = "order-factory") -> str:
    """A command line for a shell: the program of this environment, and the quoted arguments."""
    script = Path(sys.executable).with_name(program)
    folder = Path.cwd()
    if shutil.which(program) == str(script):
        shown = program
    elif script.is_relative_to(folder):
        shown = str(script.relative_to(folder))
    else:
        shown = str(script)
    return shlex.join([shown, *arguments])
