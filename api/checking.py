"""Checking the values that a client wants to store. All errors are reported together."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Connection, bindparam, select

from order_factory.api.documents import Document
from order_factory.api.errors import ApiError, Problem, make_rule_problem, wrong_body
from order_factory.api.resources.description import (
    UPLOADED,
    Broken,
    Relationship,
    ResourceType,
    Row,
    Values,
    Writable,
)
from order_factory.api.resources.registry import RESOURCES
from order_factory.models.database.quick_statements import QuickSelect
from order_factory.models.values.public_ids import parse_public_id
from order_factory.tasks.stored_files.packing import PackedFile

_BLANK = "can't be blank"
_KEYS_AT_ONCE = 10_000


def make_problem(resource: ResourceType, error: Broken) -> Problem:
    """Return the problem for a rule that a hook found broken."""
    name = error.name or "base"
    part = "relationships" if name in resource.relationship else "attributes"
    return make_rule_problem(name, error.rule, part)


def check_document(
    db: Connection,
    resource: ResourceType,
    document: Document,
    mode: str,
    known: Row | None,
    triggers: Values | None = None,
    file: PackedFile | None = None,
) -> Values:
    """Return the values to store, by column. `known` is the row to update, None for a create.

    Triggers are added to `triggers` instead. An uploaded file is one of the values. The keys of a
    to-many relationship are a list, under the name of the relationship.

    Raises `ApiError`: 400 for attributes that may not be set, 422 with a problem for each value
    that breaks a rule.
    """
    creating = known is None
    _refuse_unknown_fields(resource, document, creating)
    values: Values = {UPLOADED: file} if creating and resource.takes_file else {}
    problems = [*_check_attributes(resource, document, values, creating)]
    for each in resource.writables:
        if each.trigger and (given := values.pop(each.name, None)) and triggers is not None:
            triggers[each.name] = given
    problems += _check_relationships(db, resource, document, values, mode, creating)
    if not problems:
        try:
            resource.hooks.fill(db, mode, values, known)
        except Broken as error:
            problems.append(make_problem(resource, error))
    if problems:
        raise ApiError(*problems)
    return values


def _refuse_unknown_fields(resource: ResourceType, document: Document, creating: bool) -> None:
    settable = {
        each.name for each in resource.writables if (each.create if creating else each.update)
    }
    related = {
        each.name
        for each in resource.relationships
        if each.writable and (creating or each.updatable)
    }
    unknown = [("attributes", name) for name in document.attributes if name not in settable]
    unknown += [("relationships", name) for name in document.relationships if name not in related]
    if unknown:
        raise ApiError(*(_not_allowed(part, name) for part, name in unknown))


def _not_allowed(part: str, name: str) -> Problem:
    pointer = f"/data/{part}/{name}"
    title, detail = "Param not allowed", f"{name} is not allowed."
    return Problem(400, "PARAM_NOT_ALLOWED", title, detail, pointer=pointer)


def _check_attributes(
    resource: ResourceType, document: Document, values: Values, creating: bool
) -> Iterable[Problem]:
    for writable in resource.writables:
        name = writable.name
        if name not in document.attributes:
            if creating and writable.required:
                yield make_rule_problem(name, _BLANK)
            continue
        try:
            _read_attribute(writable, document.attributes[name], values)
        except Broken as error:
            yield make_rule_problem(name, error.rule)


def _read_attribute(writable: Writable, given: Any, values: Values) -> None:
    if given is None:
        if writable.required:
            raise Broken(_BLANK)
        if writable.nullable:
            values[writable.name] = None
        return
    value = writable.check(given)
    if writable.required and isinstance(value, str) and not value.strip():
        raise Broken(_BLANK)
    if writable.stored:
        values[writable.name] = value


def _check_relationships(
    db: Connection,
    resource: ResourceType,
    document: Document,
    values: Values,
    mode: str,
    creating: bool,
) -> Iterable[Problem]:
    for to in resource.relationships:
        if to.name not in document.relationships:
            if creating and to.required:
                yield make_rule_problem(to.name, _BLANK, "relationships")
            continue
        given = _read_linkage(to, document.relationships[to.name])
        try:
            if to.many:
                values[to.name] = _find_keys(db, to, given, mode)
            else:
                values[to.near] = _read_related_value(db, to, given, mode)
        except Broken as error:
            yield make_rule_problem(to.name, error.rule, "relationships")


def _read_linkage(to: Relationship, given: Any) -> Any:
    """Return the linkage of a relationship: an identifier or null, or a list of identifiers."""
    if isinstance(given, dict) and "data" in given:
        data = given["data"]
        each = data if to.many else [data]
        if isinstance(each, list) and all(_is_identifier(one) for one in each if one or to.many):
            return data
    pointer = f"/data/relationships/{to.name}"
    shape = "a list of objects" if to.many else "an object or null"
    detail = f"The data of {to.name} must be {shape} with type and id."
    raise wrong_body("INVALID_LINKS_OBJECT", pointer, "Invalid links object", detail)


def _is_identifier(given: Any) -> bool:
    return (
        isinstance(given, dict)
        and isinstance(given.get("type"), str)
        and isinstance(given.get("id"), str)
    )


def _read_related_value(
    db: Connection, to: Relationship, given: dict[str, str] | None, mode: str
) -> Any:
    """Return the value that refers to the related row in this one. Raises `Broken`."""
    if not given:
        if to.required:
            raise Broken(_BLANK)
        return None
    target = RESOURCES[to.target]
    _require_type(target, given)
    key = parse_public_id(target.ids, given["id"])
    value = None
    if key is not None:
        rows = _select_value_by_key(target.name, to.far, mode).rows(db, {"key": key})
        value = rows[0][to.far] if rows else None
    if value is None:
        raise Broken("must exist")
    return value


@cache
def _select_value_by_key(name: str, column: str, mode: str) -> QuickSelect:
    """Return the statement for a column of one row; built once, since most creates need it."""
    target = RESOURCES[name]
    table = target.table
    scope = target.scope(table, mode)
    key = table.c.id == bindparam("key", type_=BigInteger)
    return QuickSelect(select(table.c[column]).where(key, scope))


def _find_keys(
    db: Connection, to: Relationship, given: list[dict[str, str]], mode: str
) -> list[int]:
    """Return the keys of the related rows, in the given order. Raises `Broken`."""
    if to.required and not given:
        raise Broken(_BLANK)
    target = RESOURCES[to.target]
    table = target.table
    keys = []
    for number, each in enumerate(given, 1):
        _require_type(target, each)
        key = parse_public_id(target.ids, each["id"])
        if key is None:
            raise Broken(f"must exist, and number {number} does not")
        keys.append(key)
    visible = select(table.c.id).where(target.scope(table, mode))
    visible_keys: set[int] = set()
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        part = keys[start : start + _KEYS_AT_ONCE]
        visible_keys.update(db.scalars(visible.where(table.c.id.in_(part))))
    for number, key in enumerate(keys, 1):
        if key not in visible_keys:
            raise Broken(f"must exist, and number {number} does not")
    return keys


def _require_type(target: ResourceType, given: dict[str, str]) -> None:
    if given["type"] != target.name:
        raise Broken(f"must be of the type {target.name}")
