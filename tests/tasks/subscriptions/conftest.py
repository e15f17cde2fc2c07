"""The steps of copying without Prefect around them; the flow has tests of its own."""

import pytest

import tasks.copying
from tests.copying import plain_steps


@pytest.fixture(autouse=True)
def _without_prefect(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in plain_steps().items():
        monkeypatch.setattr(tasks.copying, name, value)
