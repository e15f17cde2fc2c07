"""The metadata and the reference that a copied row takes from its source."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    String,
    and_,
    bindparam,
    case,
    func,
    null,
)

from order_factory.models.database.dialects import json_pick
from order_factory.models.settings import Settings
from order_factory.models.values.kept_parts import ALL, DEFAULT, KEYS, NONE
from order_factory.tasks.working_set.tables import copies

# Members of a line's metadata that control how it is copied. They are always copied.
LINE_MARKS = ("do_not_ship", "repeat")


def resolve_default(name: str, rule: ColumnElement[str]) -> ColumnElement[str]:
    """Return the value of the option `name`, or the shop's setting if the value is `default`."""
    of_shop = bindparam(f"{name}_of_shop", callable_=_reader(name), type_=String())
    return case((rule == DEFAULT, of_shop), else_=rule)


def kept_columns(source: FromClause, *marks: str) -> dict[str, ColumnElement[Any]]:
    """Return the columns of the copy for the reference, its origin and the metadata of `source`."""
    references = {
        name: keep_reference(source.c[name], copies.c.keep_references)
        for name in ("reference", "reference_origin")
    }
    metadata = keep_metadata(source.c.metadata, copies.c.keep_metadata, *marks)
    return {**references, "metadata": metadata}


# The rules of nearly all copies: all metadata, no reference. Lines are copied much faster if all
# copies have these rules.
KEEPS_AS_USUAL = and_(copies.c.keep_metadata == ALL, copies.c.keep_references == NONE)


def usual_columns(source: FromClause) -> dict[str, ColumnElement[Any]]:
    """Return the same columns for copies with the rules of `KEEPS_AS_USUAL`."""
    return {"reference": null(), "reference_origin": null(), "metadata": source.c.metadata}


def keep_reference(value: ColumnElement[Any], rule: ColumnElement[str]) -> ColumnElement[Any]:
    """Return the reference if the rule is `all`, otherwise null."""
    return case((rule == ALL, value), else_=null())


def keep_metadata(
    value: ColumnElement[Any], rule: ColumnElement[str], *marks: str
) -> ColumnElement[Any]:
    """Return the members that the rule keeps, and those in `marks`; null if there are none."""
    keys: ColumnElement[str] = func.substr(rule, len(KEYS) + 1)
    selected = json_pick(value, keys.concat("," + ",".join(marks)) if marks else keys)
    nothing = json_pick(value, ",".join(marks)) if marks else null()
    return case(
        (rule == ALL, value), (value.is_(None), null()), (rule == NONE, nothing), else_=selected
    )


def _reader(name: str) -> Callable[[], str]:
    return lambda: str(getattr(Settings(), name))
