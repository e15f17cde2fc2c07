"""Files that are replaced as a whole, also where two runs replace the same one."""

import pytest

from order_factory.tasks.reports.replacing import replace_file


def test_two_runs_that_write_the_same_file_both_succeed(tmp_path):
    path = tmp_path / "night.csv"

    with replace_file(path) as first, replace_file(path) as second:
        first.write_text("first")
        second.write_text("second")

    assert path.read_text() == "first", "it ended last"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "night.csv"
    path.write_text("before")

    def write_half():
        with replace_file(path) as part:
            part.write_text("half")
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        write_half()

    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
