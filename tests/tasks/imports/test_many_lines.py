"""An order with very many lines: each row is looked up by its key."""

import re
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from order_factory.models.database.engine import get_engine
from tests.support.import_examples import make_plain_line, make_plain_order

LINES = 20_000
_BY_REFERENCE = r"(Index|Hash|Merge) Cond: .*reference"


@contextmanager
def plans_of(statements):
    """The plans of the statements that compare the staged lines with those that are there."""
    plans = []

    def explain(connection, _cursor, statement, parameters, _context, many):
        if re.match(statements, statement) and "of_import_line_items" in statement and not many:
            with connection.connection.dbapi_connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {statement}", parameters)
                plans.append("\n".join(line for (line,) in cursor.fetchall()))
            # The first chunk meets an empty table. A wrong plan would take minutes: do not begin.
            assert len(plans) == 1 or re.search(_BY_REFERENCE, plans[-1]), plans[-1]

    engine = get_engine()
    event.listen(engine, "before_cursor_execute", explain)
    try:
        yield plans
    finally:
        event.remove(engine, "before_cursor_execute", explain)


@pytest.mark.parametrize("shop", ["postgres"], indirect=True)
def test_lines_are_found_by_order_and_reference(shop, write_csv, run_import):
    """PostgreSQL would join each line with its whole order if it knew too little of either."""
    folder = write_csv(
        "orders.csv", [make_plain_order("1001", total_amount_cents=LINES * 12_50)]
    ).parent
    write_csv("line_items.csv", [make_plain_line("1001", str(number)) for number in range(LINES)])

    with plans_of(r"INSERT INTO line_items|SELECT numbered\.line") as plans:
        first = run_import(folder, chunk_size=10_000)
        again = run_import(folder, chunk_size=10_000)

    assert (first.counts["line_items.csv"], again.counts["line_items.csv"]) == (
        (LINES, 0, 0),
        (0, LINES, 0),
    )
    assert len(plans) == 6
