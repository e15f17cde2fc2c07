"""The paths of a batch's report and page."""

import re
from pathlib import Path
from tempfile import TemporaryFile

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


def require_writable(path: Path) -> None:
    """Raise `InvalidRequest` if no report can be written to this path; creates its folder."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=path.parent):
            problem = "it is a folder" if path.is_dir() else None
    except OSError as error:
        problem = error.strerror
    if problem is not None:
        raise InvalidRequest(
            f"The report {str(path)!r} cannot be written: {problem}. Give another path. "
            "Nothing was copied."
        )
