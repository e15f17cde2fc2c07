"""Orders that a person types into the one field of a form."""

import pytest

from order_factory.tasks.selections.reading import accept_orders


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("1001", ["1001"]),
        ("1001, 1002;1003", ["1001", "1002", "1003"]),
        (" 1001\n1002\t1003 ", ["1001", "1002", "1003"]),
        ("january.csv", "january.csv"),
        ("my baskets.XLSX", "my baskets.XLSX"),
        ("exports/january.csv", "exports/january.csv"),
        ("2026/1001", ["2026/1001"]),
        ("1001.5", ["1001.5"]),
        ("", ""),
    ],
)
def test_a_text_is_a_path_or_a_list_of_orders(typed, expected):
    assert accept_orders(typed) == expected


def test_an_existing_file_is_read_and_not_taken_for_a_number(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "1001").touch()

    assert accept_orders("1001") == "1001"
