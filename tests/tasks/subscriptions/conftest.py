"""The steps of copying without Prefect around them; the flow has tests of its own."""

import pytest

from order_factory.tasks.copying import engine
from tests.support.copying import plain_steps


@pytest.fixture(autouse=True)
def _without_prefect(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in plain_steps().items():
        monkeypatch.setattr(engine, name, value)
