"""The paths of a batch's report and page."""

import re
from pathlib import Path

from order_factory.models.errors import InvalidRequest
from order_factory.tasks.reports.formats import ENDINGS, ENDINGS_IN_WORDS


def page_path(report: Path) -> Path:
    """Return the path of the page, beside the report. Each report format has its own page."""
    if report.suffix.lower() == ".csv":
        return report.with_suffix(".html")
    return report.with_name(f"{report.name}.html")


def report_path(given: str | None, reference: str) -> Path:
    """Return the path of the report. Raises `InvalidRequest` if its ending is not in `ENDINGS`."""
    if given is None:
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", reference).strip(".-") or "batch"
        return Path("var/reports") / f"{name[:120]}.csv"
    path = Path(given)
    if path.suffix.lower() not in ENDINGS:
        raise InvalidRequest(f"The report {given!r} must end in {ENDINGS_IN_WORDS}.")
    return path
