"""`order-factory formats`: the mappings by which order exports of other platforms are read."""

from typing import Annotated

import typer

from order_factory.cli.options import AsJson, Debug, get_terminal


def formats(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Show the mapping of this format.")
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """List the formats of `import --format`, or show the mapping of one.

    A mapping is YAML. Save it, change it, and give its path to `import --format`.
    """
    from rich.text import Text

    from order_factory.tasks.imports.platforms.mappings import list_formats, read_format

    terminal = get_terminal(context)
    if name is None:
        names = list_formats()
        terminal.show({"formats": names}, Text("\n".join(names)))
        return
    mapping = read_format(name)
    terminal.show({"format": name, "mapping": mapping}, Text(mapping.rstrip("\n")))
