"""The commands are run in this process, as their entry point runs them, in a folder of their own."""

import json
import os
from dataclasses import dataclass
from typing import Any

import pytest

from order_factory.cli.main import main


@dataclass(frozen=True)
class Said:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The only thing on stdout."""
        return json.loads(self.out)


@pytest.fixture(autouse=True)
def _own_surroundings(tmp_path, monkeypatch):
    """Give each test its own current folder, and restore the environment after it."""
    before = dict(os.environ)
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def run(capsys):
    """Run one command; what it said."""

    def run(*arguments):
        capsys.readouterr()
        code = main(arguments)
        output = capsys.readouterr()
        return Said(code, output.out, output.err)

    return run
