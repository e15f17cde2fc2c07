"""The requested copies of a batch, as one SELECT."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, literal, null, select

from order_factory.models.tables.option_columns import column_type
from order_factory.models.values.copy_options import CHANGES, EVERY_OPTION, OPTIONS
from order_factory.models.values.statuses import FactoryType, Mode

# The columns of `order_factories` that a request fills, in the order of `Requested.rows`.
COLUMNS = (
    "type",
    "mode",
    "source_order_id",
    *OPTIONS,
    *CHANGES,
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


def option_values(chosen: Mapping[str, Any]) -> dict[str, ColumnElement[Any]]:
    """The values of these options, the same for every copy."""
    types = {option.name: column_type(option) for option in EVERY_OPTION}
    return {
        name: null() if value is None else literal(value, types[name])
        for name, value in chosen.items()
    }


def request_rows(given: Mapping[str, ColumnElement[Any]]) -> Select[Any]:
    """A SELECT of `COLUMNS`; what is not given is an order copy without anything of its own."""
    values: dict[str, ColumnElement[Any]] = {
        "type": literal(FactoryType.ORDER_COPIES.value),
        "reference": null(),
        "reference_origin": null(),
        "metadata": null(),
        "retry_of_id": null(),
        **dict.fromkeys(CHANGES, null()),
        **given,
    }
    return select(*(values[name].label(name) for name in COLUMNS))
