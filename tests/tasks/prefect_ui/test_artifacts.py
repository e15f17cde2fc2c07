"""What the Prefect UI shows of a batch that has ended."""

import pytest

from order_factory.models.results.copies import BulkResult, ErrorCount
from order_factory.models.values.error_policies import ErrorPolicy
from order_factory.tasks.prefect_ui.artifacts import build_result_markdown, build_result_table


@pytest.fixture
def make_result():
    def make(**values):
        counts = {"pending": 0, "in_progress": 0, "completed": 1_200, "failed": 0, "aborted": 0}
        defaults = {
            "reference": "night",
            "id": "vcKWNZawyW",
            "status": "completed",
            "orders_count": 1_200,
            **counts,
            "completed_with_errors": 0,
            "errors": [],
            "seconds": 0.5,
            "copied_in_this_run": 1_200,
            "report_path": "var/reports/night.csv",
            "page_path": "var/reports/night.html",
        }
        return BulkResult.model_validate(defaults | values)

    return make


def error(**values):
    defaults = {
        "field": "line_items",
        "code": "out_of_stock",
        "count": 30,
        "orders": 20,
        "example_message": "SKU MUG: 5 wanted, 3 in stock",
        "example_order": "N1",
    }
    return ErrorCount.model_validate(defaults | values)


def test_the_table_has_the_counts_and_then_the_errors(make_result):
    result = make_result(
        completed=1_000,
        completed_with_errors=5,
        failed=150,
        pending=40,
        in_progress=10,
        errors=[error()],
    )

    table = build_result_table(result)

    rows = [tuple(row.values()) for row in table]
    assert list(table[0]) == ["what", "count", "orders", "example order", "message"]
    assert rows == [
        ("orders", 1_200, 1_200, "", ""),
        ("copied", 1_000, 1_000, "", ""),
        ("copied in part", 5, 5, "", ""),
        ("failed", 150, 150, "", ""),
        ("unfinished", 50, 50, "", ""),
        ("line_items: out_of_stock", 30, 20, "N1", "SKU MUG: 5 wanted, 3 in stock"),
    ]


def test_the_markdown_tells_the_same(make_result):
    markdown = build_result_markdown(make_result(completed=1_180, failed=20, errors=[error()]))

    assert markdown.splitlines() == [
        "# Batch night: 1,180 of 1,200 orders copied",
        "",
        "| | orders |",
        "| --- | ---: |",
        "| orders | 1,200 |",
        "| copied | 1,180 |",
        "| copied in part | 0 |",
        "| failed | 20 |",
        "",
        "This run: 1,200 orders in 0.5 s, 2,400 orders per second.",
        "",
        "## What was wrong",
        "",
        "| field | error | errors | orders | example order | example message |",
        "| --- | --- | ---: | ---: | --- | --- |",
        r"| line\_items | out\_of\_stock | 30 | 20 | N1 | SKU MUG\: 5 wanted, 3 in stock |",
        "",
        "- Report: var/reports/night.csv",
        "- Page: var/reports/night.html",
        "- On the command line: `order-factory batch night --report night.csv`",
    ]


def test_the_markdown_links_to_the_report_over_http(make_result, monkeypatch):
    monkeypatch.setenv("ORDER_FACTORY_API_PUBLIC_URL", "https://shop.example/")
    result = make_result()

    markdown = build_result_markdown(result, [".html", ".csv"])

    url = f"https://shop.example/api/order_factory_batches/{result.id}/report"
    assert f"- Download: [html]({url}.html), [csv]({url}.csv). The browser asks" in markdown


def test_a_clean_batch_has_no_errors_table(make_result):
    assert "What was wrong" not in build_result_markdown(make_result())
    assert "This run" not in build_result_markdown(make_result(copied_in_this_run=0, seconds=0))


def test_text_of_a_shop_or_a_caller_is_escaped(make_result):
    nasty = "a|b `c` <img src=x>\n[d](http://e)"
    result = make_result(
        reference=nasty, errors=[error(example_order=nasty, example_message=nasty)]
    )

    markdown = build_result_markdown(result)

    escaped = r"a\|b \`c\` \<img src=x\> \[d\](http\://e)"
    assert markdown.splitlines()[0] == rf"# Batch {escaped}: 1,200 of 1,200 orders copied"
    assert rf"| 30 | 20 | {escaped} | {escaped} |" in markdown


def test_a_table_and_a_message_are_cut_off(make_result):
    errors = [error(code=f"code-{n}", example_message="x" * 10_000) for n in range(100)]
    result = make_result(errors=errors)

    table, markdown = build_result_table(result), build_result_markdown(result)

    assert len(table) == 4 + 25
    assert table[-1]["message"] == "x" * 299 + "…"
    assert markdown.count("| line\\_items |") == 25
    assert "75 more kinds are on the page and in the report." in markdown
    assert len(markdown) < 12_000


def test_a_dry_run_and_a_rejected_batch_say_that_nothing_was_copied(make_result):
    foretold = build_result_markdown(make_result(completed=1_180, failed=20, dry_run=True))
    rejected = build_result_markdown(
        make_result(
            completed=0, failed=20, aborted=1_180, error_policy=ErrorPolicy.REJECT_EVERYTHING
        )
    )

    assert foretold.splitlines()[0] == (
        "# Batch night: 1,180 of 1,200 orders would be copied, 20 would fail; "
        "this was a dry run, and nothing was changed"
    )
    assert rejected.splitlines()[0] == (
        "# Batch night: 20 of 1,200 orders cannot be copied, so none was copied"
    )
