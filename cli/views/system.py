"""The parts of a system: their addresses and their health."""

from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from order_factory.cli.program import command_line
from order_factory.cli.system.state import SystemRecord
from order_factory.cli.system.surroundings import Ports
from order_factory.cli.tables import facts, next_steps, table
from order_factory.tasks.subscriptions.overdue import Overdue
from order_factory.tasks.subscriptions.watchdog import describe_overdue

# The deployments that a person starts; the others are started by the system.
_FOR_MERCHANTS = "deployments?deployments.tags.name=merchant"


def build_start_document(record: SystemRecord, ports: Ports) -> dict[str, Any]:
    return {
        "ui": ports.ui_url,
        "prefect_api": f"{ports.ui_url}/api",
        "api": f"{ports.api_url}/api",
        "docs": f"{ports.api_url}/api/docs",
        "databases": record.databases,
        "processes": {part.name: part.process.pid for part in record.parts if part.process},
    }


def show_start(record: SystemRecord, ports: Ports) -> list[RenderableType]:
    """The addresses of the system, and the suggested next commands."""
    return [
        facts(
            [
                ("Prefect UI", ports.ui_url),
                ("Copy orders", f"{ports.ui_url}/{_FOR_MERCHANTS}"),
                ("HTTP API", f"{ports.api_url}/api"),
                ("API docs", f"{ports.api_url}/api/docs  (password: a token)"),
                ("Shop database", record.databases["shop"]),
                ("Prefect database", record.databases["prefect"]),
            ],
            title="The system is running",
        ),
        Text.assemble(
            ("Commands in this folder use it. For other folders and your own programs:\n", "bold"),
            f"  export PREFECT_API_URL={ports.ui_url}/api\n",
            f"  export ORDER_FACTORY_DATABASE_URL='{record.databases['shop']}'",
        ),
        next_steps(["demo"], ["token", "create", "--mode", "test"], ["status"], ["down"]),
        Text("Ctrl-C ends it."),
    ]


def build_status_document(
    record: SystemRecord | None,
    problems: Mapping[str, str | None],
    running: bool,
    overdue: Overdue | None,
) -> dict[str, Any]:
    parts = record.parts if record else []
    return {
        "running": running,
        "parts": [
            {
                "name": part.name,
                "up": problems[part.name] != "not running",
                "pid": part.process.pid if part.process else None,
                "url": part.url,
                "healthy": problems[part.name] is None,
                "problem": problems[part.name],
            }
            for part in parts
        ],
        "databases": record.databases if record else {},
        "overdue_since": overdue.since if overdue else None,
    }


def show_status(
    record: SystemRecord | None,
    problems: Mapping[str, str | None],
    running: bool,
    overdue: Overdue | None,
) -> list[RenderableType]:
    if record is None:
        return [Text(f"Nothing is running here. Start the system with `{command_line('up')}`.")]
    parts = table(
        ["part", "", "process", "URL", "health"],
        [
            (
                part.name,
                "down" if problems[part.name] == "not running" else "up",
                str(part.process.pid) if part.process else "-",
                part.url,
                problems[part.name] or "healthy",
            )
            for part in record.parts
        ],
    )
    if overdue is not None:
        return [parts, Text(describe_overdue(overdue), style="bold red")]
    if running:
        return [parts]
    return [
        parts,
        Text(f"The process that ran the system is gone. Clean up with `{command_line('down')}`."),
    ]
