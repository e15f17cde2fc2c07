"""Requests that share a transaction: one that fails changes nothing and does not affect the others."""

from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from order_factory.api.errors import ApiError, conflict
from order_factory.api.writing import carry_out
from order_factory.models.database.engine import WritingSession
from order_factory.models.tables import Customer
from order_factory.tasks.working_set.statements import table_of
from tests.support.shop import SOME_DAY

_customer = table_of(Customer)


def store(email, *, then=None, key=None):
    """Return work that stores a customer and then raises an error, if one is given."""

    def work(db):
        times = {"created_at": SOME_DAY, "updated_at": SOME_DAY}
        values = {"email": email, **times} | ({} if key is None else {"id": key})
        db.execute(insert(_customer), values)
        if then is not None:
            raise then
        return email

    return work


def read_emails(shop):
    return [row.email for row in shop.rows(Customer)]


@pytest.mark.parametrize("failure", [ZeroDivisionError(), conflict("no")], ids=["fault", "refusal"])
def test_work_that_fails_leaves_nothing_and_the_rest_is_stored(shop, failure):
    outcomes = carry_out(
        [store("a@x.example"), store("b@x.example", then=failure), store("c@x.example")]
    )

    assert outcomes == [("a@x.example", None), (None, failure), ("c@x.example", None)]
    assert read_emails(shop) == ["a@x.example", "c@x.example"]


def test_work_that_fails_alone_leaves_nothing(shop):
    failure = conflict("no")

    assert carry_out([store("a@x.example", then=failure)]) == [(None, failure)]
    assert read_emails(shop) == []


def test_a_row_that_exists_already_is_a_conflict_for_its_request_only(shop):
    first = store("a@x.example", key=7)

    (stored, (nothing, error)) = carry_out([first, store("b@x.example", key=7)])

    assert stored == ("a@x.example", None)
    assert nothing is None
    assert isinstance(error, ApiError)
    assert error.status == 409
    assert read_emails(shop) == ["a@x.example"]


def test_work_that_meets_a_new_row_of_another_service_is_tried_again(shop):
    tries = []

    def work(db):
        tries.append(db.scalar(select(_customer.c.id)))
        if len(tries) == 1:
            raise IntegrityError("", None, Exception())
        return "done"

    assert carry_out([work]) == [("done", None)]
    assert len(tries) == 2


def test_a_session_goes_on_after_an_error(shop):
    session, failure = WritingSession(), conflict("no")
    works = [store("a@x.example"), store("b@x.example", then=failure), store("c@x.example")]

    outcomes = [carry_out([work], begin=session.begin) for work in works]
    session.close()

    assert outcomes == [[("a@x.example", None)], [(None, failure)], [("c@x.example", None)]]
    assert read_emails(shop) == ["a@x.example", "c@x.example"]


@pytest.mark.parametrize("shop", ["postgres"], indirect=True)
def test_a_session_goes_on_with_another_connection(shop):
    session = WritingSession()
    with session.begin() as db:
        driver: Any = db.connection.driver_connection
    driver.close()

    assert carry_out([store("a@x.example")], begin=session.begin) == [("a@x.example", None)]
    session.close()
    assert read_emails(shop) == ["a@x.example"]
