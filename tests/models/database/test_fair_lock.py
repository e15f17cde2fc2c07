"""The fair lock: one thread at a time, and the one that has waited longest is next."""

from threading import Thread
from time import sleep

from order_factory.models.database.fair_lock import FairLock


def test_the_lock_is_given_in_the_order_of_arrival():
    turns, order = FairLock(), []

    def take(name):
        with turns.hold(seconds=30):
            order.append(name)

    with turns.hold(seconds=30):
        threads = [Thread(target=take, args=(name,)) for name in "abc"]
        for thread in threads:
            thread.start()
            sleep(0.05)
        assert order == []
    for thread in threads:
        thread.join()

    assert order == ["a", "b", "c"]


def test_a_thread_that_waits_too_long_continues_without_the_lock():
    turns = FairLock()

    with turns.hold(seconds=30), turns.hold(seconds=0.01), turns.hold(seconds=0.01):
        pass

    with turns.hold(seconds=0):
        pass
    assert turns._taken is False
