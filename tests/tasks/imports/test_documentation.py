"""The page docs/how-to/import-orders.md: it has the columns of the models, and its examples import."""

import re
from pathlib import Path

import pytest

from order_factory.tasks.imports.resources import RESOURCES

TEXT = (Path(__file__).parents[3] / "docs/how-to/import-orders.md").read_text(encoding="utf-8")
# Explained once for all resources.
EVERYWHERE = {"reference", "reference_origin", "metadata"}


def section(resource: str) -> str:
    section = re.search(rf"^### {resource}\n(.*?)(?=^### |\Z)", TEXT, re.DOTALL | re.MULTILINE)
    assert section is not None
    return section[1]


def test_the_resources_are_listed_in_import_order():
    assert re.findall(r"^### (.+)$", TEXT, re.MULTILINE) == list(RESOURCES)


@pytest.mark.parametrize("resource", RESOURCES)
def test_every_column_is_documented_as_it_is(resource):
    rows = re.findall(r"^\| `(\w+)` \| .+? \| (yes|no) \| .+ \|$", section(resource), re.MULTILINE)

    known = RESOURCES[resource]
    expected = {
        name: "yes" if name in known.required else "no"
        for name in known.columns
        if name in known.required or name not in EVERYWHERE
    }
    assert dict(rows) == expected
    assert len(rows) == len(expected)


def test_the_examples_can_be_imported_together(tmp_path, run_import):
    folder = tmp_path / "shop"
    folder.mkdir()
    for resource in RESOURCES:
        (example,) = re.findall(r"^```csv\n(.*?)^```$", section(resource), re.DOTALL | re.MULTILINE)
        (folder / f"{resource}.csv").write_text(example)

    imported = run_import(folder)

    assert imported.rejects == []
    assert all(new > 0 for new, _, _ in imported.counts.values())
    assert len(imported.counts) == len(RESOURCES)
