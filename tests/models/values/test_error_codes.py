"""The declared keys of the error codes are the ones that the checks record."""

import ast
from pathlib import Path

import order_factory.tasks
from order_factory.models.values.error_codes import ErrorCode

TASKS = Path(order_factory.tasks.__file__).parent


def recorded():
    """Each code and key that a call of `errors` names."""
    for path in sorted(TASKS.rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match call:
                case ast.Call(
                    func=ast.Name(id="errors"),
                    args=[ast.Constant(value=key), ast.Attribute(attr=name), *_],
                ):
                    yield ErrorCode[name], key


def test_a_code_is_recorded_under_its_key():
    found = list(recorded())

    assert len(found) > 20
    assert [(code, key) for code, key in found if code.key != key] == []
