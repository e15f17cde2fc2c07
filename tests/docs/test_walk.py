"""The commands and programs of the pages, typed in one after the other in an empty folder."""

import re
import runpy
import shlex
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from order_factory.cli.main import main
from order_factory.models.database.engine import get_engine, reading, wait_for_checkpoint
from order_factory.tasks.verify import verify
from tests.support.documents import ROOT, read_blocks

pytestmark = pytest.mark.slow

# Typed in elsewhere: the suite itself, and a system that runs until it is stopped (tests/system).
ELSEWHERE = {"make test", "source .venv/bin/activate", "order-factory up"}
FIRST = ["order-factory init", "order-factory import examples/shop"]
JANUARY = "order-factory bulk examples/orders.csv --reference january"


@dataclass(frozen=True)
class Walk:
    """A page, the commands to run before it, and the commands with another exit code than 0."""

    page: str
    before: list[str] = field(default_factory=lambda: FIRST)
    codes: dict[str, int] = field(default_factory=dict)


WALKS = [
    Walk("README.md", [], {JANUARY: 1}),
    Walk(
        "docs/tutorial.md",
        [],
        {
            "order-factory copy 1005": 1,
            "order-factory copy 1003 --place-target-order": 1,
            JANUARY: 1,
            "order-factory bulk examples/orders.csv --reference preview --dry-run": 1,
            "order-factory bulk --resume january": 1,
        },
    ),
    # The examples have no open order.
    Walk("docs/how-to/copy-one-order.md", codes={"order-factory copy 1001 --merge-into 1002": 1}),
    Walk("docs/how-to/import-orders.md"),
    Walk("docs/how-to/import-from-other-platforms.md", ["order-factory init"]),
    Walk("docs/how-to/export-orders.md"),
    Walk(
        "docs/how-to/copy-many-orders.md",
        codes={
            JANUARY: 1,
            "order-factory bulk --resume january": 1,
            "order-factory bulk --market EU --placed-from 2026-01-01 --placed-before 2026-02-01": 1,
            "order-factory bulk --failed-of january": 1,
            "order-factory bulk examples/orders.csv --dry-run --error-policy reject_everything": 1,
        },
    ),
    Walk(
        "docs/how-to/select-orders.md",
        codes={
            "order-factory bulk --market EU --placed-from 2026-01-01 --sku MUG": 1,
            JANUARY: 1,
            "order-factory bulk --all-orders --limit 1000": 1,
            "order-factory bulk --failed-of january --reference second-try": 1,
        },
    ),
    Walk("docs/how-to/renew-subscriptions.md"),
    Walk("docs/how-to/copy-or-move-the-database.md"),
]


class Person:
    """Types commands and programs into the current folder, and reads what they print."""

    def __init__(self, capsys):
        self._capsys = capsys
        self._printed = ""
        self.codes = {}

    def type(self, command):
        """Run a command as a shell would, with the last printed id in place of a word for it."""
        if command in ELSEWHERE:
            return
        if command == "make demo":
            arguments = ["demo", "--orders", "25"]
        else:
            program, *arguments = shlex.split(command)
            assert program == "order-factory", command
        arguments = [self._id_for(word) for word in arguments]
        self.codes[command] = main(arguments)
        out, err = self._capsys.readouterr()
        self._printed += out
        assert self.codes[command] in (0, 1), f"{command}\n{out}{err}"

    def run(self, program):
        file = Path("program.py")
        file.write_text(program, encoding="utf-8")
        runpy.run_path(str(file), run_name="__main__")

    def _id_for(self, word):
        if word == "FACTORY":
            return re.findall(r"order-factory show (\w+)", self._printed)[-1]
        if word == "NUMBER":
            return re.findall(r"\bS\d{12}\b", self._printed)[-1]
        return word


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A folder with the same path for all walks: the engine stays, with its compiled statements."""
    return tmp_path_factory.mktemp("walk") / "clone"


@pytest.fixture
def person(prefect, clone, monkeypatch, capsys):
    """A person in an empty folder that has the examples, as a clone has them."""
    shutil.copytree(ROOT / "examples", clone / "examples")
    monkeypatch.chdir(clone)
    monkeypatch.setenv("ORDER_FACTORY_DATABASE_URL", f"sqlite:///{clone}/var/order_factory.db")
    yield Person(capsys)
    wait_for_checkpoint()
    get_engine().dispose()
    monkeypatch.undo()
    shutil.rmtree(clone)


@pytest.mark.parametrize("walk", WALKS, ids=lambda walk: Path(walk.page).stem)
def test_a_page_can_be_typed_in(person, walk):
    for command in walk.before:
        person.type(command)

    for block in read_blocks(ROOT / walk.page):
        if block.language == "python":
            person.run(block.text)
        elif block.language == "bash":
            for command in block.commands:
                person.type(command)

    expected = dict.fromkeys(person.codes, 0) | walk.codes
    assert person.codes == expected
    with reading() as db:
        assert not any(each.violations for each in verify(db).invariants)
