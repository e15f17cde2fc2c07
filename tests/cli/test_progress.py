"""How progress looks without a terminal."""

import re

import pytest

from order_factory.cli import progress
from order_factory.cli.progress import show_bars
from order_factory.cli.terminal import Terminal
from order_factory.models.results.progress import report_progress


def test_progress_prints_some_lines_and_one_at_the_end(monkeypatch, capsys):
    clock = iter([0.0, 1.0, 4.0, 5.0, 10.0, 10.0])
    monkeypatch.setattr(progress, "monotonic", lambda: next(clock))

    with show_bars(Terminal(), "copying"):
        for done in (0, 100, 400, 500, 1_000, 1_000):
            report_progress("copy orders", done, 1_000)

    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.splitlines() == [
        "copying ...",
        "copy orders: 400 of 1,000, 100/s, 6 s left",
        "copy orders: 1,000 of 1,000, 100/s",
    ]


def test_a_terminal_shows_a_progress_bar_per_step(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")

    with show_bars(Terminal(), "copying"):
        report_progress("read [bold]rows", 10, None)
        report_progress("copy orders", 1_000, 1_000)

    output = capsys.readouterr()
    assert output.out == ""
    assert "read [bold]rows" in output.err
    assert "1000/1000" in output.err


def test_the_progress_bar_shows_the_rate_and_the_time_left(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    clock = [0.0]
    terminal = Terminal()
    terminal.err.get_time = lambda: clock[0]

    with show_bars(terminal, "copying"):
        report_progress("copy orders", 0, 100_000)
        clock[0] = 40.0
        report_progress("copy orders", 20_000, 100_000)

    output = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().err)
    assert "20000/100000 500/s 0:00:40 0:02:40 left" in output


def test_a_step_of_unknown_length_is_reported_at_its_start_and_the_rate_continues_after_it(
    monkeypatch, capsys
):
    clock = iter([0.0, 10.0, 11.0, 15.0, 20.0])
    monkeypatch.setattr(progress, "monotonic", lambda: next(clock))

    with show_bars(Terminal(), "copying"):
        report_progress("copy orders", 0, 1_000)
        report_progress("copy orders", 500, 1_000)
        report_progress("wait for other runs", 0, None)
        report_progress("copy orders", 500, 1_000)
        report_progress("copy orders", 1_000, 1_000)

    assert capsys.readouterr().err.splitlines() == [
        "copying ...",
        "copy orders: 500 of 1,000, 50/s, 10 s left",
        "wait for other runs ...",
        "copy orders: 1,000 of 1,000, 50/s",
    ]


@pytest.mark.parametrize("as_json", [False, True])
def test_progress_is_never_written_to_stdout(capsys, as_json):
    terminal = Terminal()
    terminal.as_json = as_json

    with terminal.working("Loading ..."), show_bars(terminal, "copying"):
        report_progress("copy orders", 1, 2)

    assert capsys.readouterr().out == ""
