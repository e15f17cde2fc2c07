"""The threads that answer requests stay on one processor, and other work does not."""

import asyncio
import os

import pytest

from order_factory.api.processors import choose_processor, run_in_thread, staying_on

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="there is only one processor to choose from",
)


def find_processors() -> set[int]:
    return os.sched_getaffinity(0)


def test_services_with_following_numbers_choose_different_processors():
    assert choose_processor(0) != choose_processor(1)
    assert choose_processor(0) == choose_processor(len(find_processors()))


def test_a_setting_lets_the_threads_run_on_every_processor(configure):
    configure.setenv("ORDER_FACTORY_API_ONE_PROCESSOR", "false")

    assert choose_processor(1) is None
    with staying_on(choose_processor(1)):
        assert len(find_processors()) > 1


def test_work_in_other_threads_may_use_every_processor():
    every, chosen = find_processors(), choose_processor(1)

    with staying_on(chosen):
        own = find_processors()
        others = asyncio.run(run_in_thread(find_processors))

    assert own == {chosen}
    assert others == every
    assert find_processors() == every
