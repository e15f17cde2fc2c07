"""`/ready`: whether the service can do its work, with the names of failed checks."""

from tests.support.clones import mark_as_copy


def test_a_copy_of_the_database_is_not_ready_and_says_why(api):
    with mark_as_copy():
        answers = [api.client.get(path) for path in ("/ready", "/api/ready")]
        alive = api.client.get("/health")

    for answer in answers:
        assert (answer.status_code, answer.json()["lacking"]) == (503, ["shop"])
        assert "until `order-factory adopt` is run" in answer.json()["detail"]
    assert alive.status_code == 200
    assert api.client.get("/ready").status_code == 200
