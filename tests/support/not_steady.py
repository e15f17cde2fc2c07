"""The mark of tests that do not pass every time yet; they run only where they are asked for."""

import os

import pytest

not_steady = pytest.mark.skipif(
    "ORDER_FACTORY_UNSTEADY_TESTS" not in os.environ,
    reason="not steady yet; ORDER_FACTORY_UNSTEADY_TESTS=1 runs it",
)
