"""The progress of a run, which a thread shows."""

from threading import Event
from uuid import UUID

from order_factory.tasks.prefect_ui import progress
from order_factory.tasks.prefect_ui.background_calls import making_calls
from order_factory.tasks.prefect_ui.progress import BackgroundProgress

ARTIFACT = UUID(int=1)


def test_the_run_waits_for_the_server_only_at_its_end_and_tells_it_the_newest(monkeypatch):
    answers, calls = Event(), []

    def start(description):
        assert answers.wait(10), "the run waits for the server"
        calls.append(description)
        return ARTIFACT

    monkeypatch.setattr(progress, "start_progress", start)
    monkeypatch.setattr(progress, "show_progress", lambda *given: calls.append(given))

    with making_calls() as background:
        shown = BackgroundProgress(background)
        shown.start("Batch night")
        for done in range(1, 101):
            shown.show(done, 100)
        assert calls == []
        answers.set()

    assert calls == ["Batch night", (ARTIFACT, 100, 100)]


def test_nothing_is_shown_before_the_start(monkeypatch):
    calls = []
    monkeypatch.setattr(progress, "show_progress", lambda *given: calls.append(given))

    with making_calls() as background:
        shown = BackgroundProgress(background)
        shown.show(1, 2)

    assert calls == []
