"""The page of a batch: a single HTML file without scripts."""

from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import Connection, select

from order_factory.models.results.copies import BulkResult
from order_factory.models.tables import OrderFactoryBatch
from order_factory.models.tables.base import utc_now
from order_factory.models.values.statuses import BatchStatus
from order_factory.tasks.reports.charts import chart_errors, chart_throughput
from order_factory.tasks.reports.replacing import replace_file
from order_factory.tasks.reports.throughput import Throughput, read_throughput
from order_factory.tasks.reports.wording import duration, moment, orders, rate
from order_factory.tasks.working_set.statements import table_of

_batch = table_of(OrderFactoryBatch)


def _template() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": duration, "moment": moment, "orders": orders, "rate": rate}
    return environment


def _tiles(result: BulkResult) -> list[tuple[str, int, str]]:
    """Return the counts by status: label, count, colour."""
    unfinished = result.pending + result.in_progress
    shares = [
        ("copied", result.completed, "good"),
        ("failed", result.failed, "bad"),
        ("unfinished", unfinished, "open"),
        ("aborted", result.aborted, "open"),
    ]
    return [tile for tile in shares if tile[1] or tile[0] in ("copied", "failed")]


def _headline(result: BulkResult) -> str:
    if result.dry_run or result.is_rejected:
        return f"{result.outcome[0].upper()}{result.outcome[1:]}."
    message = f"{result.completed:,} of {orders(result.orders_count)} copied"
    if result.completed_with_errors:
        message += f", {result.completed_with_errors:,} of them in part"
    if result.failed:
        message += f"; {result.failed:,} failed"
    unfinished = result.pending + result.in_progress
    return f"{message}; {unfinished:,} not finished." if unfinished else f"{message}."


def _facts(db: Connection, batch_id: int, throughput_data: Throughput) -> list[tuple[str, str]]:
    """Return the facts about the batch other than its counts."""
    record = db.execute(select(_batch).where(_batch.c.id == batch_id)).one()
    facts = [("Selection", record.selection), ("Recorded", moment(record.created_at))]
    if record.started_at:
        facts.append(("Started", moment(record.started_at)))
    if record.status == BatchStatus.COMPLETED and record.completed_at:
        facts.append(("Completed", moment(record.completed_at)))
    if throughput_data.pauses:
        facts.append(
            ("Pauses", f"{len(throughput_data.pauses)}, left out of the time and the speed")
        )
    return facts


def write_page(db: Connection, batch_id: int, result: BulkResult, path: Path) -> None:
    """Write the page about the batch: counts, speed, errors by kind, a link to the report.

    The report that `result` names is in the same folder. Times are UTC.
    """
    throughput_data = read_throughput(db, batch_id)
    report = Path(result.report_path).name if result.report_path else None
    text = (
        _template()
        .get_template("page.html.jinja")
        .render(
            result=result,
            headline=_headline(result),
            tiles=_tiles(result),
            facts=_facts(db, batch_id, throughput_data),
            work=throughput_data,
            throughput=chart_throughput(throughput_data),
            errors=chart_errors(result.errors),
            report=report,
            report_link=quote(report) if report else None,
            written_at=utc_now(),
        )
    )
    with replace_file(path) as part:
        part.write_text(text, encoding="utf-8")
