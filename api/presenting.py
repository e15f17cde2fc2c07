"""Rows as JSON:API documents."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from order_factory.api.including import Graph
from order_factory.api.query.paging import Page
from order_factory.api.query.parameters import Query
from order_factory.api.resources.description import ResourceType, Row
from order_factory.api.resources.registry import RESOURCES
from order_factory.api.settings import api_settings
from order_factory.models.values.public_ids import public_id

Json = dict[str, Any]


@dataclass(frozen=True)
class View:
    """How rows are shown to one caller: their mode, where links lead, and which fields."""

    base: str
    mode: str
    query: Query

    def document(
        self, resource: ResourceType, rows: Row | Sequence[Row] | None, graph: Graph
    ) -> Json:
        """The document of a row, of several, or of none; with what is included, each once."""
        data: Any
        if rows is None:
            data = None
        elif isinstance(rows, Sequence):
            data = [self.resource(resource, row, graph) for row in rows]
        else:
            data = self.resource(resource, rows, graph)
        document: Json = {"data": data}
        if self.query.includes:
            document["included"] = [
                self.resource(RESOURCES[name], row, graph) for (name, _), row in graph.rows.items()
            ]
        return document

    def resource(self, resource: ResourceType, row: Row, graph: Graph) -> Json:
        """One resource object."""
        own_id = public_id(resource.ids, row["id"])
        here = f"{self.base}/{resource.name}/{own_id}"
        shown = self.query.fields.get(resource.name)
        relationships: Json = {}
        for relationship in resource.relationships:
            name = relationship.name
            if shown is not None and name not in shown:
                continue
            links = {"self": f"{here}/relationships/{name}", "related": f"{here}/{name}"}
            relationships[name] = {"links": links}
            keys = graph.links.get((resource.name, row["id"], name))
            if keys is not None:
                target = RESOURCES[relationship.target]
                relationships[name]["data"] = identifiers(target, keys, many=relationship.many)
        return {
            "id": own_id,
            "type": resource.name,
            "links": {"self": here},
            "attributes": {
                attribute.name: attribute.read(row)
                for attribute in resource.attributes
                if shown is None or attribute.name in shown
            },
            "relationships": relationships,
            "meta": {"mode": self.mode, "organization_id": api_settings().organization_id},
        }


def identifiers(target: ResourceType, keys: Sequence[int], *, many: bool) -> Any:
    """Resource linkage: a list of identifiers, or one, or None."""
    found = [{"type": target.name, "id": public_id(target.ids, key)} for key in keys]
    if many:
        return found
    return found[0] if found else None


def paging(path: str, pairs: Sequence[tuple[str, str]], page: Page, count: int) -> Json:
    """The counts and the links of a list; the links keep all that was asked for but the page."""
    pages = -(-count // page.size)
    kept = [(name, value) for name, value in pairs if not name.startswith("page[")]

    def link(number: int) -> str:
        numbered = [("page[number]", str(number)), ("page[size]", str(page.size))]
        return f"{path}?{urlencode([*kept, *numbered])}"

    links = {"first": link(1), "last": link(max(pages, 1))}
    if page.number > 1:
        links["prev"] = link(min(page.number - 1, max(pages, 1)))
    if page.number < pages:
        links["next"] = link(page.number + 1)
    return {"meta": {"record_count": count, "page_count": pages}, "links": links}
