"""The target of a path: a collection, a resource, or a relationship of a resource."""

from dataclasses import dataclass
from enum import StrEnum

from order_factory.api.errors import method_not_allowed, unknown_path
from order_factory.api.resources.batches import ORDER_FACTORY_BATCHES
from order_factory.api.resources.description import Relationship, ResourceType
from order_factory.api.resources.order_factories import FACTORIES
from order_factory.api.resources.registry import RESOURCES
from order_factory.api.resources.transfers import EXPORTS
from order_factory.tasks.reports.formats import ENDINGS
from order_factory.tasks.selections.failed_rows import ENDINGS as FAILED_ROWS_ENDINGS

# The files that `/report` can end in, and the page for people.
REPORT_FILES = tuple(f"report{ending}" for ending in (*ENDINGS, ".html"))


# The files that `/failed_rows` can end in.
FAILED_ROWS_FILES = tuple(f"failed_rows{ending}" for ending in FAILED_ROWS_ENDINGS)


class Kind(StrEnum):
    COLLECTION = "collection"
    RESOURCE = "resource"
    RELATED = "related"
    LINKAGE = "linkage"
    REPORT = "report"
    DIFFERENCES = "differences"
    REPORT_FILE = "report file"
    FAILED_ROWS = "failed rows"
    ATTACHMENT = "attachment"


@dataclass(frozen=True)
class Target:
    """One path. `name` is a public id; `relationship` is set for the path of a
    relationship.

    `ending` is that of a file, such as `.csv`.
    """

    kind: Kind
    resource: ResourceType
    name: str = ""
    relationship: Relationship | None = None
    ending: str = ""

    @property
    def is_list(self) -> bool:
        """Whether it is a list, which can be sorted, filtered and turned page by page."""
        if self.kind == Kind.RELATED:
            return self.relationship is not None and self.relationship.many
        return self.kind == Kind.COLLECTION

    @property
    def is_file(self) -> bool:
        """Whether the answer is a file, and no document."""
        return self.kind in (Kind.REPORT_FILE, Kind.FAILED_ROWS, Kind.ATTACHMENT)

    @property
    def shown(self) -> ResourceType:
        """The resource that the answer contains."""
        if self.relationship is not None:
            return RESOURCES[self.relationship.target]
        return self.resource

    @property
    def methods(self) -> tuple[str, ...]:
        methods = ["GET", "HEAD"]
        if self.kind == Kind.COLLECTION and self.resource.creatable:
            methods.append("POST")
        if self.kind == Kind.RESOURCE and self.resource.updatable:
            methods.append("PATCH")
        if self.kind == Kind.RESOURCE and self.resource.deletable:
            methods.append("DELETE")
        return tuple(methods)


def find_target(path: str) -> Target:
    """Return the target of the path below `/api/`. Raises `ApiError` (404)."""
    match path.split("/"):
        case [resource] if resource in RESOURCES:
            return Target(Kind.COLLECTION, RESOURCES[resource])
        case [resource, name] if resource in RESOURCES and name:
            return Target(Kind.RESOURCE, RESOURCES[resource], name)
        case [ORDER_FACTORY_BATCHES.name, name, "report"]:
            return Target(Kind.REPORT, ORDER_FACTORY_BATCHES, name)
        case [resource, name, "differences"] if resource in FACTORIES:
            return Target(Kind.DIFFERENCES, RESOURCES[resource], name)
        case [ORDER_FACTORY_BATCHES.name, name, file] if file in REPORT_FILES:
            ending = file.removeprefix("report")
            return Target(Kind.REPORT_FILE, ORDER_FACTORY_BATCHES, name, ending=ending)
        case [ORDER_FACTORY_BATCHES.name, name, file] if file in FAILED_ROWS_FILES:
            ending = file.removeprefix("failed_rows")
            return Target(Kind.FAILED_ROWS, ORDER_FACTORY_BATCHES, name, ending=ending)
        case [EXPORTS.name, name, "attachment"]:
            return Target(Kind.ATTACHMENT, EXPORTS, name)
        case [resource, name, "relationships", to] if _has_relationship(resource, to):
            return _make_relationship_target(Kind.LINKAGE, resource, name, to)
        case [resource, name, to] if _has_relationship(resource, to):
            return _make_relationship_target(Kind.RELATED, resource, name, to)
    raise unknown_path()


def require_method(target: Target, method: str) -> None:
    """Raise `ApiError` (405) if the target does not have this method."""
    if method not in target.methods:
        raise method_not_allowed(method, ", ".join(target.methods))


def _has_relationship(resource: str, to: str) -> bool:
    return resource in RESOURCES and to in RESOURCES[resource].relationship


def _make_relationship_target(kind: Kind, resource: str, name: str, to: str) -> Target:
    return Target(kind, RESOURCES[resource], name, RESOURCES[resource].relationship[to])
