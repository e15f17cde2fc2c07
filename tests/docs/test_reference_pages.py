"""The reference pages match the code."""

import re

import pytest

from docs.reference_pages import FOLDER, PAGES, page
from order_factory.models.values.topics import TOPICS


@pytest.mark.parametrize("name", PAGES)
def test_the_page_matches_the_code(name):
    written = (FOLDER / name).read_text(encoding="utf-8")

    assert written == page(name), "run `make reference`"


def test_every_command_is_explained():
    lines = page("commands.md").splitlines()
    titles = [number for number, line in enumerate(lines) if line.startswith("## ")]

    assert len(titles) > 20
    assert [lines[number] for number in titles if lines[number + 2].startswith("```")] == []


def test_each_topic_is_either_offered_or_left_out():
    offered, left_out = page("events.md").split("### ")
    left_out = left_out.split("## ")[0]
    names = [set(re.findall(r"`(\w+\.\w+)`", text)) for text in (offered, left_out)]

    assert names[0] >= TOPICS.keys()
    assert len(names[1] - {"orders.place"}) == 12
    assert names[1] & TOPICS.keys() == {"orders.place"}
