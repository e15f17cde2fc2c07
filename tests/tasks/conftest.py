"""The steps are tested as the functions that they are; flows have tests with a server."""

import pytest

import tasks.copying
from tests.copying import plain_steps


@pytest.fixture(autouse=True)
def _without_prefect(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in plain_steps().items():
        monkeypatch.setattr(tasks.copying, name, value)
