"""A flow run's tags and links in the Prefect UI.

They are set with the open client of the flow run, because a new client takes longer than the call.
Without a flow run, nothing happens.
"""

from prefect.context import FlowRunContext

from order_factory.models.results.copies import BulkResult, OrderFactoryResult
from order_factory.models.settings import Settings
from order_factory.models.values.statuses import FactoryStatus
from order_factory.tasks.prefect_ui.artifacts import create
from order_factory.tasks.prefect_ui.prefect_calls import try_call

WITH_ERRORS = "completed with errors"
# A run that copies many single orders has the tags of the first ones.
MOST_ORDERS = 20
_MOST_CHARACTERS = 64


def list_order_tags(result: OrderFactoryResult) -> list[str]:
    """Return the tags `order:NUMBER`, `source:ID`, `target:NUMBER`, `target:ID`, `batch:REFERENCE`."""
    source, target = result.source_order, result.target_order
    tags = [make_tag("order", source.number or source.id), make_tag("source", source.id)]
    if target is not None:
        tags += [make_tag("target", name) for name in (target.number, target.id) if name]
    if result.batch_reference:
        tags.append(make_tag("batch", result.batch_reference))
    return tags


def name_factory_outcome(result: OrderFactoryResult) -> str:
    """Return the value of a copy's tag `outcome`."""
    in_part = result.status == FactoryStatus.COMPLETED and result.errors_count
    return WITH_ERRORS if in_part else result.status


def name_batch_outcome(result: BulkResult) -> str:
    """Return the value of a batch's tag `outcome`: that of a copy, `unfinished` or `dry run`."""
    if result.dry_run:
        return "dry run"
    if result.pending + result.in_progress:
        return "unfinished"
    if result.failed and not result.completed:
        return FactoryStatus.FAILED
    return WITH_ERRORS if result.errors else FactoryStatus.COMPLETED


def tag_run(tags: list[str]) -> None:
    """Add the tags to those of the current flow run."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None or not tags:
        return
    other_tags = [known for known in context.flow_run.tags if known not in tags]
    client, key = context.client, context.flow_run.id
    try_call(lambda: client.update_flow_run(key, tags=[*other_tags, *tags]))


def link_resource(resource: str, name: str) -> None:
    """Create a link to the resource in the HTTP API, if the API's address is configured."""
    url = Settings().api_public_url
    if url:
        link = f"{url.rstrip('/')}/api/{resource}/{name}"
        key = f"{resource.replace('_', '-')}-resource"
        create(key, "markdown", "The same in the HTTP API (asks for a token)", f"[{link}]({link})")


def make_tag(kind: str, value: str) -> str:
    return f"{kind}:{value[:_MOST_CHARACTERS]}"
