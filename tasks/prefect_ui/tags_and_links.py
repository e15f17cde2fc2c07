"""What the Prefect UI shows of one flow run: tags to find it by, a link, and what was wrong.

All of it goes through the client that the flow run has open: a new one would cost more than the
call. Without a flow run, as in a plain call of a task's function, nothing happens.
"""

from typing import Any

from prefect.client.schemas.actions import ArtifactCreate
from prefect.context import FlowRunContext

from order_factory.models.results.copies import BulkResult, OrderFactoryResult
from order_factory.models.settings import Settings
from order_factory.models.values.statuses import FactoryStatus

WITH_ERRORS = "completed with errors"
_MOST_CHARACTERS = 64


def show_factory(result: OrderFactoryResult) -> None:
    """Tags `order:NUMBER`, `outcome:...` and `batch:...`; the errors, and a link to the resource."""
    source = result.source_order.number or result.source_order.id
    in_part = result.status == FactoryStatus.COMPLETED and result.errors_count
    tags = [_tag("order", source), _tag("outcome", WITH_ERRORS if in_part else result.status)]
    if result.batch_reference:
        tags.append(_tag("batch", result.batch_reference))
    tag_run(tags)
    if result.errors_log:
        rows = [
            {"order": source, "field": field, "message": message}
            for field, messages in result.errors_log.items()
            for message in messages
        ]
        _add("order-factory-errors", "table", f"What was wrong with order {source}", rows)
    link_resource("order_factories", result.id)


def tag_batch(result: BulkResult) -> None:
    """Tags `batch:REFERENCE` and `outcome:...`: that of a factory, or unfinished or dry run."""
    if result.dry_run:
        outcome = "dry run"
    elif result.pending + result.in_progress:
        outcome = "unfinished"
    elif result.failed == result.orders_count:
        outcome = FactoryStatus.FAILED
    else:
        outcome = WITH_ERRORS if result.errors else FactoryStatus.COMPLETED
    tag_run([_tag("batch", result.reference), _tag("outcome", outcome)])


def tag_run(tags: list[str]) -> None:
    """Add the tags to those of the flow run in hand."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    kept = [tag for tag in context.flow_run.tags if tag not in tags]
    context.client.update_flow_run(context.flow_run.id, tags=[*kept, *tags])


def link_resource(resource: str, name: str) -> None:
    """A link to the resource in the HTTP API, where its address is configured."""
    url = Settings().api_public_url
    if url:
        link = f"{url.rstrip('/')}/api/{resource}/{name}"
        key = f"{resource.replace('_', '-')}-resource"
        _add(key, "markdown", "The same in the HTTP API (asks for a token)", f"[{link}]({link})")


def _add(key: str, kind: str, description: str, content: Any) -> None:
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    created = ArtifactCreate(
        key=key,
        type=kind,
        description=description,
        data=content,
        flow_run_id=context.flow_run.id,
    )
    context.client.create_artifact(created)


def _tag(kind: str, value: str) -> str:
    return f"{kind}:{value[:_MOST_CHARACTERS]}"
