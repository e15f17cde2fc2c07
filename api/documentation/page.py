"""The documentation for people: one page without scripts and external files."""

from functools import cache
from html import escape

from order_factory.api.query.matchers import MATCHERS
from order_factory.api.resources.description import Attribute, Relationship, ResourceType
from order_factory.api.resources.registry import RESOURCES
from order_factory.api.targets import Kind, Target

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem }
th, td { text-align: left; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid #ddd;
  vertical-align: top }
code { background: #f3f3f3; padding: 0 .2rem }
"""
_INTRODUCTION = """
<p>Order copies and all that belongs to them, as <a href="https://jsonapi.org">JSON:API</a>, in the
shape of the Commerce Layer Core API. Programs read <a href="openapi.json">openapi.json</a>.</p>
<p>Send <code>Authorization: Bearer TOKEN</code>. Lists take <code>page[number]</code> and
<code>page[size]</code>, <code>sort=-created_at,id</code>, <code>include=a,b.c</code>,
<code>fields[type]=x,y</code>, and any number of <code>filter[q][ATTRIBUTES_MATCHER]=VALUE</code>;
attributes may be joined with <code>_or_</code>, and may belong to a related resource
(<code>source_order_number_eq</code>). Creates take an <code>Idempotency-Key</code>.</p>
"""


@cache
def build_page() -> str:
    """Return the page as HTML."""
    matchers = ", ".join(f"<code>{name}</code>" for name in sorted(MATCHERS))
    contents = ", ".join(f'<a href="#{name}">{name}</a>' for name in RESOURCES)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>order factory</title>'
        f"<style>{_STYLE}</style><h1>order factory</h1>{_INTRODUCTION}"
        f"<h2>Matchers</h2><p>{matchers}</p><h2>Resources</h2><p>{contents}</p>"
        + "".join(_build_section(resource) for resource in RESOURCES.values())
        + "</html>"
    )


def _build_section(resource: ResourceType) -> str:
    paths = "".join(
        f"<li><code>{method} {path}</code></li>" for method, path in _build_operations(resource)
    )
    attributes = "".join(_build_attribute_row(resource, each) for each in resource.attributes)
    relationships = "".join(_build_relationship_row(each) for each in resource.relationships)
    return (
        f'<h3 id="{resource.name}">{resource.name}</h3><p>{escape(resource.meaning)}</p>'
        f"<ul>{paths}</ul><table><tr><th>attribute<th>type<th>may be set<th>meaning</tr>"
        f"{attributes}</table><table><tr><th>relationship<th>leads to<th>meaning</tr>"
        f"{relationships}</table>"
    )


def _build_operations(resource: ResourceType) -> list[tuple[str, str]]:
    operations = []
    for kind, path in ((Kind.COLLECTION, ""), (Kind.RESOURCE, "/{id}")):
        methods = Target(kind, resource).methods
        operations += [(each, f"/api/{resource.name}{path}") for each in methods if each != "HEAD"]
    return operations


def _build_attribute_row(resource: ResourceType, attribute: Attribute) -> str:
    rules = [each for each in resource.writables if each.name == attribute.name]
    when = [
        word
        for word, may in (
            ("create", any(each.create and resource.creatable for each in rules)),
            ("update", any(each.update and resource.updatable for each in rules)),
        )
        if may
    ]
    message = " ".join([attribute.meaning, ", ".join(attribute.one_of)]).strip()
    return (
        f"<tr><td><code>{attribute.name}</code><td>{attribute.type}<td>{', '.join(when)}"
        f"<td>{escape(message)}</tr>"
    )


def _build_relationship_row(relationship: Relationship) -> str:
    many = "many " if relationship.many else ""
    target = relationship.target
    return (
        f"<tr><td><code>{relationship.name}</code><td>{many}"
        f'<a href="#{target}">{target}</a><td>{escape(relationship.meaning)}</tr>'
    )
