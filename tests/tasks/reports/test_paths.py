"""Where a report and its page go."""

from pathlib import Path

import pytest

from order_factory.models.errors import InvalidRequest
from order_factory.tasks.reports.paths import page_path, report_path


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("night-2026-11-23", "night-2026-11-23.csv"),
        ("../../etc/passwd", "etc-passwd.csv"),
        ("a/b night", "a-b-night.csv"),
        ("…", "batch.csv"),
        ("x" * 200, "x" * 120 + ".csv"),
    ],
)
def test_the_report_is_named_after_the_batch_by_default(reference, expected):
    assert report_path(None, reference) == Path("var/reports") / expected


@pytest.mark.parametrize("name", ["r.csv", "out/r.PARQUET", "r.xlsx"])
def test_the_ending_is_the_format(name):
    assert report_path(name, "night") == Path(name)


@pytest.mark.parametrize("name", ["r", "r.xls", "r.html", ".csv"])
def test_another_ending_is_refused(name):
    with pytest.raises(InvalidRequest) as raised:
        report_path(name, "night")

    assert str(raised.value) == f"The report {name!r} must end in .csv, .parquet or .xlsx."


def test_the_page_is_beside_the_report():
    assert page_path(Path("out/night.1.parquet")) == Path("out/night.1.parquet.html")


def test_two_reports_with_one_name_have_separate_pages():
    reports = [Path(f"out/night{ending}") for ending in (".csv", ".parquet", ".xlsx")]

    assert len({page_path(report) for report in reports}) == 3
