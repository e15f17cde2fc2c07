"""Public ids: short opaque strings, one per row of a resource, which never change."""

from string import ascii_letters

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqids import Sqids

from order_factory.models.values.public_ids import (
    _ALPHABET,
    _MIN_LENGTH,
    Resource,
    parse_public_id,
    public_id,
    public_ids,
)

resources = st.sampled_from(Resource)
keys = st.integers(min_value=0, max_value=2**63 - 1)


@given(resource=resources, key=keys)
def test_an_id_leads_back_to_its_row_and_to_no_other_resources(resource, key):
    text = public_id(resource, key)

    assert parse_public_id(resource, text) == key
    assert [parse_public_id(other, text) for other in Resource if other != resource] == [None] * (
        len(Resource) - 1
    )
    assert len(text) >= 10
    assert text.isascii()
    assert text.isalpha()


@given(resource=resources, text=st.one_of(st.text(), st.text(ascii_letters, max_size=50)))
def test_any_other_text_is_not_an_id(resource, text):
    key = parse_public_id(resource, text)

    assert key is None or public_id(resource, key) == text


@pytest.mark.parametrize("text", ["", "1001", "abc", "-", "x" * 1_000_000, "ünïcodeünïcode"])
def test_an_invalid_id_is_not_an_id(text):
    assert parse_public_id(Resource.orders, text) is None


def test_public_ids_do_not_change():
    assert public_id(Resource.orders, 1) == "nZqgXrcnJx"
    assert public_id(Resource.order_factories, 1) == "mHzHnRlcZD"


@given(resource=resources, key=keys)
def test_the_ids_are_those_of_the_library(resource, key):
    plain = Sqids(_ALPHABET, min_length=_MIN_LENGTH)

    assert public_id(resource, key) == plain.encode([resource, key])


@given(resource=resources, some=st.lists(st.none() | keys))
def test_many_ids_at_once_are_the_same_ids(resource, some):
    ids = public_ids(resource, some)

    assert ids == [None if key is None else public_id(resource, key) for key in some]


@pytest.mark.parametrize("resource", Resource)
def test_many_ids_of_neighbours_are_the_same_ids(resource):
    some = [*range(2_000), *range(41**3 - 50, 41**3 + 50)]

    assert public_ids(resource, some) == [public_id(resource, key) for key in some]
