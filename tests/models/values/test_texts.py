"""What the caller's own texts and objects may hold, at every door."""

import json

import pytest
from pydantic import ValidationError

from order_factory.api.resources import writables
from order_factory.api.resources.description import Broken
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.requests.import_rows import SkuRow
from order_factory.models.requests.subscriptions import SubscriptionOptions
from order_factory.models.values.json_objects import find_json_problem
from order_factory.models.values.texts import find_text_problem

CHARACTER_0 = "contains the character 0, which cannot be stored"
HALF = "contains half of a character (a lone surrogate), which cannot be stored"
DEEP = "is nested more than 50 levels deep"
LONG = "contains a whole number beyond 64 bits; write it as text"


def nest(levels):
    value: dict[str, object] = {}
    for _ in range(levels):
        value = {"a": value}
    return value


TEXTS = [("a\x00b", CHARACTER_0), ("half \ud83d", HALF), ("\udfff", HALF)]
OBJECTS = [
    ({"a": "b\x00"}, CHARACTER_0),
    ({"a\x00": 1}, CHARACTER_0),
    ({"a": ["\ud83d"]}, HALF),
    (nest(900), DEEP),
    ({"a": [2**63]}, LONG),
    ({"a": {"b": -(2**63) - 1}}, LONG),
]


@pytest.mark.parametrize(("text", "problem"), TEXTS)
def test_an_invalid_reference_has_the_same_message_everywhere(text, problem):
    assert find_text_problem(text) == problem
    for model in (CopyOptions, SubscriptionOptions, SkuRow):
        with pytest.raises(ValidationError, match="reference") as refused:
            model.model_validate(
                {"reference": text, "frequency": "monthly", "code": "A", "name": "A"}
            )
        errors = {error["loc"]: error["msg"] for error in refused.value.errors()}
        assert errors[("reference",)].removeprefix("Value error, ") == problem
    with pytest.raises(Broken) as broken:
        writables.text("reference").check(text)
    assert broken.value.rule == problem


@pytest.mark.parametrize(("value", "problem"), OBJECTS)
def test_invalid_metadata_has_the_same_message_everywhere(value, problem):
    assert find_json_problem(value) == problem
    for model in (CopyOptions, SubscriptionOptions, SkuRow):
        with pytest.raises(ValidationError, match="metadata") as refused:
            model.model_validate(
                {"metadata": value, "frequency": "monthly", "code": "A", "name": "A"}
            )
        errors = {error["loc"]: error["msg"] for error in refused.value.errors()}
        assert errors[("metadata",)].removeprefix("Value error, ") == problem
    with pytest.raises(Broken) as broken:
        writables.json_object("metadata").check(value)
    assert broken.value.rule == problem


def test_values_that_both_databases_can_store_are_accepted():
    value = {"emoji": "😀", "escape": "\\u0000", "most": 2**63 - 1, "least": -(2**63), "n": 1.5}

    assert find_json_problem(value) is None
    assert find_json_problem(json.loads(json.dumps(value))) is None
    assert find_text_problem("\\u0000 😀 ü") is None
