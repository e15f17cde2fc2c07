"""`order-factory export`."""

from pathlib import Path

import pytest


@pytest.mark.usefixtures("prefect")
def test_exports_the_requested_rows(shop, run):
    for number, market in (("1", "EU"), ("2", "US")):
        shop.order(number=number, market_name=market, reference="spring")

    one = run("export", "orders", "eu.csv", "--market", "EU")
    both = run(
        "export",
        "orders",
        "out",
        "--include",
        "line_items",
        "--where",
        "reference_eq=spring",
        "--json",
    )

    assert (one.code, both.code) == (0, 0)
    assert one.out.splitlines()[2].split()[:2] == ["eu.csv", "1"]
    assert "Exported to eu.csv in" in one.out
    assert len(Path("eu.csv").read_text().splitlines()) == 2
    assert (both.json["records"], both.json["resumed"]) == (4, False)
    assert "export orders: 2 of 2" in both.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--where", "status"], "--where 'status' is not a filter. Use PREDICATE=VALUE"),
        (["--where", "id_eq=a", "--where", "id_eq=b"], "--where id_eq is given twice."),
        (["--placed-within", "a while"], "--placed-within"),
    ],
)
def test_wrong_calls_are_refused_at_once(shop, run, arguments, message):
    output = run("export", "orders", "a.csv", *arguments)

    assert (output.code, output.out) == (2, "")
    assert output.err.startswith(f"Error: {message}")
