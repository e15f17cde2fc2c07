"""An error code knows the key under which its errors are recorded."""

import ast
from pathlib import Path

import order_factory.tasks

TASKS = Path(order_factory.tasks.__file__).parent


def find_recorded_codes():
    """The code of each call of `insert_errors`, and whether it is given a key of its own."""
    for path in sorted(TASKS.rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match call:
                case ast.Call(
                    func=ast.Name(id="insert_errors"),
                    args=[ast.Attribute(attr=code), *_],
                    keywords=keywords,
                ):
                    yield code, any(each.arg == "field" for each in keywords)


def test_only_an_unexpected_error_has_its_own_field():
    codes = list(find_recorded_codes())

    assert len(codes) > 20
    assert {code for code, has_key in codes if has_key} == {"UNEXPECTED"}
