"""The reference pages match the code."""

import pytest

from docs.reference_pages import FOLDER, PAGES, page


@pytest.mark.parametrize("name", PAGES)
def test_the_page_matches_the_code(name):
    written = (FOLDER / name).read_text(encoding="utf-8")

    assert written == page(name), "run `make reference`"


def test_every_command_is_explained():
    lines = page("commands.md").splitlines()
    titles = [number for number, line in enumerate(lines) if line.startswith("## ")]

    assert len(titles) > 20
    assert [lines[number] for number in titles if lines[number + 2].startswith("```")] == []
