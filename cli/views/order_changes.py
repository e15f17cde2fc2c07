"""The result of a change of orders."""

from rich.console import RenderableType
from rich.text import Text

from order_factory.cli.tables import table
from order_factory.models.results.orders import OrdersResult

_SHOWN = 20


def describe_result(result: OrdersResult) -> list[RenderableType]:
    """The outcome in one line, and a row per problem with its order."""
    shown: list[RenderableType] = [Text(f"{result.outcome[:1].upper()}{result.outcome[1:]}.")]
    if result.problems:
        rows = [(each.order, each.field, each.message) for each in result.problems[:_SHOWN]]
        shown.append(table(("order", "field", "message"), rows, title="What was wrong"))
    if len(result.problems) > _SHOWN:
        shown.append(Text(f"And {len(result.problems) - _SHOWN:,} more; --json shows them."))
    return shown
