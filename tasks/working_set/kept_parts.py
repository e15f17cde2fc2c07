"""What a copied row keeps of the metadata and the reference of its source."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    String,
    bindparam,
    case,
    func,
    null,
)

from order_factory.models.database.dialects import json_pick
from order_factory.models.settings import Settings
from order_factory.models.values.kept_parts import ALL, DEFAULT, KEYS, NONE
from order_factory.tasks.working_set.tables import copies

# Members of a line's metadata that say how it is copied. A copy always keeps them.
LINE_MARKS = ("do_not_ship", "repeat")


def resolve_default(name: str, rule: ColumnElement[str]) -> ColumnElement[str]:
    """The option `name` of a copy, or the shop's setting where it is `default`."""
    of_shop = bindparam(f"{name}_of_shop", callable_=_reader(name), type_=String())
    return case((rule == DEFAULT, of_shop), else_=rule)


def kept_columns(of: FromClause, *marks: str) -> dict[str, ColumnElement[Any]]:
    """The reference, its origin and the metadata of a row of `copies`' sources in the copy."""
    references = {
        name: keep_reference(of.c[name], copies.c.keep_references)
        for name in ("reference", "reference_origin")
    }
    metadata = keep_metadata(of.c.metadata, copies.c.keep_metadata, *marks)
    return {**references, "metadata": metadata}


def keep_reference(held: ColumnElement[Any], rule: ColumnElement[str]) -> ColumnElement[Any]:
    """The reference where the rule is `all`, else null."""
    return case((rule == ALL, held), else_=null())


def keep_metadata(
    held: ColumnElement[Any], rule: ColumnElement[str], *marks: str
) -> ColumnElement[Any]:
    """The members that the rule keeps, and those named in `marks`; null where none is left."""
    keys: ColumnElement[str] = func.substr(rule, len(KEYS) + 1)
    some = json_pick(held, keys.concat("," + ",".join(marks)) if marks else keys)
    nothing = json_pick(held, ",".join(marks)) if marks else null()
    return case((rule == ALL, held), (held.is_(None), null()), (rule == NONE, nothing), else_=some)


def _reader(name: str) -> Callable[[], str]:
    return lambda: str(getattr(Settings(), name))
