"""Every command that a page shows is one that the program has, with options that it has."""

from typing import Any

import pytest
import typer
import typer.main

from order_factory.cli.main import app
from order_factory.cli.terminal import Terminal
from tests.support.documents import ROOT, find_mentions, read_commands

PAGES = sorted((*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")))
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


def find(arguments: list[str]) -> tuple[Any, list[str]]:
    """The command that is named, and the arguments that are left for it."""
    command: Any = typer.main.get_command(app)
    remaining = list(arguments)
    while hasattr(command, "commands") and remaining and not remaining[0].startswith("-"):
        name = remaining.pop(0)
        assert name in command.commands, f"there is no command {name}: {arguments}"
        command = command.commands[name]
    return command, remaining


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_the_commands_of_a_page_can_be_run_as_they_are_shown(page):
    for arguments in read_commands(page):
        command, remaining = find(arguments)
        assert not hasattr(command, "commands") or remaining, arguments
        context = typer.Context(command, info_name=command.name, obj=Terminal())
        command.parse_args(context, remaining)  # raises the error that a user would see


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_the_commands_that_a_page_mentions_exist(page):
    for arguments in find_mentions(page):
        command, remaining = find(arguments)
        parameters = command.get_params(typer.Context(command))
        options = {name for each in parameters for name in (*each.opts, *each.secondary_opts)}
        named = {word.partition("=")[0] for word in remaining if word.startswith("--")}
        assert named <= options, arguments


def test_the_pages_show_most_commands():
    shown = {
        tuple(each[:1]) for page in PAGES for each in (*read_commands(page), *find_mentions(page))
    }

    assert len(shown) > 15
