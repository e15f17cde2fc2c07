"""Every command that a page shows is one that the program has, with options that it has."""

from typing import Any

import pytest
import typer
import typer.main

from order_factory.cli.main import app
from order_factory.cli.terminal import Terminal
from tests.support.documents import ROOT, commands_of, mentions_in

PAGES = sorted((*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")))
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


def find(arguments: list[str]) -> tuple[Any, list[str]]:
    """The command that is named, and the arguments that are left for it."""
    command: Any = typer.main.get_command(app)
    rest = list(arguments)
    while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        name = rest.pop(0)
        assert name in command.commands, f"there is no command {name}: {arguments}"
        command = command.commands[name]
    return command, rest


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_the_commands_of_a_page_can_be_run_as_they_are_shown(page):
    for arguments in commands_of(page):
        command, rest = find(arguments)
        assert not hasattr(command, "commands") or rest, arguments
        context = typer.Context(command, info_name=command.name, obj=Terminal())
        command.parse_args(context, rest)  # raises what a user would be told


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_the_commands_that_a_page_mentions_exist(page):
    for arguments in mentions_in(page):
        command, rest = find(arguments)
        parameters = command.get_params(typer.Context(command))
        options = {name for each in parameters for name in (*each.opts, *each.secondary_opts)}
        named = {word.partition("=")[0] for word in rest if word.startswith("--")}
        assert named <= options, arguments


def test_the_pages_show_most_commands():
    shown = {tuple(each[:1]) for page in PAGES for each in (*commands_of(page), *mentions_in(page))}

    assert len(shown) > 15
