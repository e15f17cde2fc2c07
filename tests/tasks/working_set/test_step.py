"""Steps: run for every order, or where one in hand asks for it."""

import pytest
from sqlalchemy import exists, insert, select

from order_factory.models.database.engine import begin
from order_factory.models.tables.base import utc_now
from order_factory.tasks.working_set.batch import Batch
from order_factory.tasks.working_set.step import step
from order_factory.tasks.working_set.tables import claims, open_temporary_tables

runs: list[int] = []


@step(name="count", field="status", needed=select(exists().select_from(claims)))
def on_request(_db, batch):
    runs.append(batch.size)
    return batch.size


@pytest.mark.usefixtures("prefect")
@pytest.mark.parametrize("followed", [True, False], ids=["task", "plain"])
def test_an_optional_step_runs_only_on_request(shop, followed):
    runs.clear()
    batch = Batch(3, utc_now(), None, None, followed=followed)
    with begin() as db:
        open_temporary_tables(db)

        assert on_request(db, batch) == 0
        assert runs == []

        db.execute(insert(claims).values(factory_id=1, rank=1))
        assert on_request(db, batch) == 3
        assert runs == [3]

    assert [(time.step, time.rows) for time in batch.times] == [("count", 3)]
