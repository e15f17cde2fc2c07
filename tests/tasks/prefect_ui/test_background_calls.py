"""Calls to Prefect's server that a thread makes."""

from threading import Event

import pytest

from order_factory.tasks.prefect_ui.background_calls import making_calls


def test_the_calls_are_made_in_order_while_the_block_runs():
    answers, made = Event(), []

    def wait_for_answer():
        assert answers.wait(10), "the block waits for the call"
        made.append(1)

    with making_calls() as calls:
        calls.make(wait_for_answer)
        calls.make(lambda: made.append(2))
        assert made == []
        answers.set()

    assert made == [1, 2]


def _refuse():
    raise ValueError("no such run")


def test_the_error_of_a_call_is_raised_at_the_end_of_the_block():
    made = []

    def make_two_calls():
        with making_calls() as calls:
            calls.make(_refuse)
            calls.make(lambda: made.append("next"))

    with pytest.raises(ValueError, match="no such run"):
        make_two_calls()

    assert made == ["next"]


def test_the_error_of_the_block_comes_first():
    def make_a_call():
        with making_calls() as calls:
            calls.make(_refuse)
            raise KeyError("block")

    with pytest.raises(KeyError, match="block"):
        make_a_call()
