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
    """The requested copies.

    `description` is for people, and becomes the batch's `selection`. `rows` selects the columns
    `COLUMNS`, one row per copy, in the order of the factories. If it selects none, the request is
    refused with `empty_message`. `details` becomes part of the batch's `options`.
    """

    description: str
    mode: Mode
    rows: Select[Any]
    details: dict[str, Any]
    empty_message: str


def option_values(values_by_name: Mapping[str, Any]) -> dict[str, ColumnElement[Any]]:
    """Return the values of these options, which are the same for every copy."""
    types = {option.name: column_type(option) for option in EVERY_OPTION}
    return {
        name: null() if value is None else literal(value, types[name])
        for name, value in values_by_name.items()
    }


def request_rows(given: Mapping[str, ColumnElement[Any]]) -> Select[Any]:
    """Select `COLUMNS`; columns that are not given have the values of a plain order copy."""
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
