"""The requested copies of a batch, as one SELECT."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, literal, null, select

from order_factory.models.values.copy_options import OPTIONS
from order_factory.models.values.statuses import FactoryType, Mode

# The columns of `order_factories` that a request fills, in the order of `Requested.rows`.
COLUMNS = (
    "type",
    "mode",
    "source_order_id",
    *OPTIONS,
    "reference",
    "reference_origin",
    "metadata",
    "retry_of_id",
)


@dataclass(frozen=True)
class Requested:
    """The copies that are asked for.

    `words` says for people what they are, and becomes the batch's `selection`. `rows` selects the
    columns `COLUMNS`, one row per copy, in the order in which the factories are made; it may
    select none, which is refused with `nothing`. `details` becomes part of the batch's `options`.
    """

    words: str
    mode: Mode
    rows: Select[Any]
    details: dict[str, Any]
    nothing: str


def request_rows(given: Mapping[str, ColumnElement[Any]]) -> Select[Any]:
    """A SELECT of `COLUMNS`; what is not given is an order copy without anything of its own."""
    values: dict[str, ColumnElement[Any]] = {
        "type": literal(FactoryType.ORDER_COPIES.value),
        "reference": null(),
        "reference_origin": null(),
        "metadata": null(),
        "retry_of_id": null(),
        **given,
    }
    return select(*(values[name].label(name) for name in COLUMNS))
