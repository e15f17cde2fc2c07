"""How a batch is divided into parts."""

from hypothesis import example, given
from hypothesis import strategies as st

from order_factory.flows.runners.job import Job


@given(left=st.integers(1, 2_000_000), size=st.integers(1, 100_000), at_once=st.integers(1, 16))
@example(left=10_000, size=10_000, at_once=2)
def test_parts_have_equal_sizes_and_contain_every_order(left, size, at_once):
    parts = Job(1, "night", size, at_once).parts(left)

    assert 1 <= parts.size <= size
    assert (parts.count - 1) * parts.size < left <= parts.count * parts.size


def test_two_workers_share_a_batch_of_one_part():
    parts = Job(1, "night", 10_000, 2).parts(10_000)

    assert (parts.count, parts.size) == (2, 5_000)


def test_the_last_parts_are_small_enough_for_all_workers():
    parts = Job(1, "night", 10_000, 2).parts(30_000)

    assert (parts.count, parts.size) == (4, 7_500)
