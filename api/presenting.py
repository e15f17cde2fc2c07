"""Rows as JSON:API documents.

Most of a document is the same for every row: the names, and the links except for the row's id. It
is rendered once for a resource, a base URL, a mode and a set of fields, and cached.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from operator import itemgetter
from typing import Any
from urllib.parse import urlencode

import orjson
from orjson import Fragment

from order_factory.api.including import Graph, Linkage
from order_factory.api.query.paging import Page
from order_factory.api.query.parameters import Query
from order_factory.api.resources.attributes import CURRENCY, ShownAmount, iso_8601
from order_factory.api.resources.description import Attribute, Relationship, ResourceType, Row, Type
from order_factory.api.resources.registry import RESOURCES
from order_factory.api.settings import api_settings
from order_factory.models.values.money import show_amount
from order_factory.models.values.public_ids import public_ids

Json = dict[str, Any]

# A placeholder for the id of a row that does not exist yet. No URL contains a NUL.
_ID = "\0"
_RENDERED_ID = orjson.dumps(_ID)[1:-1].decode()


@dataclass(frozen=True)
class View:
    """How rows are shown to one caller: the mode, the base URL of links, and the fields."""

    base: str
    mode: str
    query: Query
    secrets: bool = False

    def document(
        self, resource: ResourceType, rows: Row | Sequence[Row] | None, graph: Graph
    ) -> Json:
        """Return the document of one row, several or none, with each included resource once."""
        data: Any
        if rows is None:
            data = None
        elif isinstance(rows, Sequence):
            data = self._resources(resource, rows, graph)
        else:
            data = self._resources(resource, [rows], graph)[0]
        document: Json = {"data": data}
        if self.query.includes:
            by_resource: dict[str, list[Row]] = {}
            for (name, _), row in graph.rows.items():
                by_resource.setdefault(name, []).append(row)
            document["included"] = [
                each
                for name, found_rows in by_resource.items()
                for each in self._resources(RESOURCES[name], found_rows, graph)
            ]
        return document

    def _resources(self, resource: ResourceType, rows: Sequence[Row], graph: Graph) -> list[Json]:
        shown = self.query.fields.get(resource.name)
        organization = api_settings().organization_id
        presenter = _get_presenter(
            resource.name, shown, self.base, self.mode, organization, self.secrets
        )
        return presenter.present(rows, graph)


class _Presenter:
    """Makes resource objects from the rows of one resource."""

    def __init__(
        self,
        resource: ResourceType,
        shown: frozenset[str] | None,
        base: str,
        mode: str,
        organization: str,
        secrets: bool,
    ) -> None:
        self._resource = resource
        self._here = f"{base}/{resource.name}/"
        attributes = [each for each in resource.attributes if shown is None or each.name in shown]
        self._names = [each.name for each in attributes]
        # Columns that are shown unchanged are read from a row in one call.
        self._columns = _make_getter([each.name if each.as_stored else "id" for each in attributes])
        self._times = [
            (each.name, each.column)
            for each in attributes
            if each.type == Type.TIME and each.column is not None
        ]
        self._amounts = list(_find_amounts(attributes))
        read = {name for name, _ in self._times}
        read |= {name for number, price, *_ in self._amounts for name in (number, price)}
        self._computed = [
            (each.name, _find_reader(each, base, secrets=secrets))
            for each in attributes
            if not each.as_stored and each.name not in read
        ]
        # Each relationship as JSON, without the row's id and the closing brace.
        self._relationships = [
            (each, self._render_links(each))
            for each in resource.relationships
            if shown is None or each.name in shown
        ]
        self._without_linkage = self._join_relationships({}, {})
        meta = {"mode": mode, "organization_id": organization}
        self._meta = Fragment(orjson.dumps(meta))

    def present(self, rows: Sequence[Row], graph: Graph) -> list[Json]:
        """Return the resource objects of these rows, in the same order."""
        name = self._resource.name
        ids = public_ids(self._resource.ids, [row["id"] for row in rows])
        linked = self._render_relationships(rows, graph)
        return [
            {
                "id": own_id,
                "type": name,
                "links": {"self": f"{self._here}{own_id}"},
                "attributes": self._show_attributes(row),
                "relationships": Fragment(own_id.join(relationships)),
                "meta": self._meta,
            }
            for row, own_id, relationships in zip(rows, ids, linked, strict=True)
        ]

    def _show_attributes(self, row: Row) -> Json:
        shown: Json = dict(zip(self._names, self._columns(row), strict=True))
        for name, column in self._times:
            shown[name] = iso_8601(row[column])
        if self._amounts:
            currency = row[CURRENCY]
            for number, price, cents, without in self._amounts:
                amount = row[cents]
                if amount is None:
                    shown[number], shown[price] = without, None
                else:
                    shown[number], shown[price] = show_amount(amount, currency)
        for name, read in self._computed:
            shown[name] = read(row)
        return shown

    def _render_relationships(self, rows: Sequence[Row], graph: Graph) -> list[list[str]]:
        """Return the relationships of each row, with the identifiers of included resources.

        Each is a list of the texts between the row's ids. Joining them is faster than replacing ids.
        """
        name, links = self._resource.name, graph.links
        linkages = [links.get((name, row["id"])) for row in rows]
        if not any(linkages):
            return [self._without_linkage] * len(rows)
        identifiers = self._render_identifiers(linkages)
        return [
            self._without_linkage
            if linkage is None
            else self._join_relationships(linkage, identifiers)
            for linkage in linkages
        ]

    def _render_identifiers(self, linkages: Sequence[Linkage | None]) -> dict[str, dict[int, str]]:
        """Return the identifiers of all linked rows as JSON, by relationship and key."""
        rendered = {}
        for to, _ in self._relationships:
            keys = list({key for each in linkages if each for key in each.get(to.name, ())})
            if keys:
                target = RESOURCES[to.target]
                before = f'{{"type":"{target.name}","id":"'
                ids = public_ids(target.ids, keys)
                rendered[to.name] = {
                    key: f'{before}{each}"}}' for key, each in zip(keys, ids, strict=True)
                }
        return rendered

    def _join_relationships(
        self, linkage: Linkage, identifiers: dict[str, dict[int, str]]
    ) -> list[str]:
        parts = []
        for to, rendered in self._relationships:
            keys = linkage.get(to.name)
            if keys is None:
                parts.append(rendered + "}")
            elif to.many:
                data = ",".join([identifiers[to.name][key] for key in keys])
                parts.append(f'{rendered},"data":[{data}]}}')
            else:
                data = identifiers[to.name][keys[0]] if keys else "null"
                parts.append(f'{rendered},"data":{data}}}')
        return ("{" + ",".join(parts) + "}").split(_RENDERED_ID)

    def _render_links(self, to: Relationship) -> str:
        here = f"{self._here}{_ID}"
        links = {"self": f"{here}/relationships/{to.name}", "related": f"{here}/{to.name}"}
        return f'"{to.name}":' + orjson.dumps({"links": links}).decode().removesuffix("}")


def _find_reader(attribute: Attribute, base: str, *, secrets: bool) -> Callable[[Row], Any]:
    """Return how an attribute is read for a caller; a link begins with the base URL."""
    if attribute.secret and not secrets:
        return _hide
    if not attribute.is_link:
        return attribute.read

    def read_link(row: Row) -> str | None:
        path = attribute.read(row)
        return None if path is None else f"{base}/{path}"

    return read_link


def _make_getter(names: Sequence[str]) -> Callable[[Row], tuple[Any, ...]]:
    """Return a function that reads these columns of a row as a tuple."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda row: tuple(row[name] for name in names)


@lru_cache(maxsize=256)
def _get_presenter(
    name: str,
    shown: frozenset[str] | None,
    base: str,
    mode: str,
    organization: str,
    secrets: bool,
) -> _Presenter:
    return _Presenter(RESOURCES[name], shown, base, mode, organization, secrets)


def _find_amounts(
    attributes: Sequence[Attribute],
) -> Iterator[tuple[str, str, str, float | None]]:
    """Yield each amount that is shown both as a number and as a text.

    A tuple has the names of the two attributes, the column of cents, and the number to show if the
    amount is null.
    """
    for number, price in pairwise(attributes):
        first, second = number.read, price.read
        if (
            isinstance(first, ShownAmount)
            and isinstance(second, ShownAmount)
            and first.cents == second.cents
        ):
            yield number.name, price.name, first.cents, first.without


def _hide(_row: Row) -> None:
    """Return the replacement for a secret attribute that the caller may not see."""


def make_identifiers(target: ResourceType, keys: Sequence[int], *, many: bool) -> Any:
    """Return resource linkage: a list of identifiers, one identifier, or None."""
    identifiers = [{"type": target.name, "id": own_id} for own_id in public_ids(target.ids, keys)]
    if many:
        return identifiers
    return identifiers[0] if identifiers else None


def describe_paging(path: str, pairs: Sequence[tuple[str, str]], page: Page, count: int) -> Json:
    """Return the counts and the links of a list; the links keep all parameters except the page."""
    pages = -(-count // page.size)
    other_pairs = [(name, value) for name, value in pairs if not name.startswith("page[")]

    before = f"{path}?{urlencode(other_pairs)}&" if other_pairs else f"{path}?"

    def link(number: int) -> str:
        return f"{before}page%5Bnumber%5D={number}&page%5Bsize%5D={page.size}"

    links = {"first": link(1), "last": link(max(pages, 1))}
    if page.number > 1:
        links["prev"] = link(min(page.number - 1, max(pages, 1)))
    if page.number < pages:
        links["next"] = link(page.number + 1)
    return {"meta": {"record_count": count, "page_count": pages}, "links": links}
