"""The house's own conventions, as far as a program can check them."""

import ast
import re
from pathlib import Path

import prefect.settings
import pytest

from order_factory.flows.bulk_order_factory import bulk_order_factory
from order_factory.flows.drain_order_factories import drain_order_factories
from order_factory.flows.export_records import export_records
from order_factory.flows.import_orders import import_orders
from order_factory.flows.order_factory import order_factory

ROOT = Path(__file__).parents[1]
PACKAGES = ("api", "benchmarks", "cli", "docs", "flows", "gateways", "models", "tasks", "tests")
TEXT = {".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".mako", ".example", ".cfg", ".ini", ""}
# Imports run one way: the packages that each package may import.
KNOWS = {
    "models": set(),
    "gateways": {"models"},
    "tasks": {"models", "gateways"},
    "flows": {"models", "tasks"},
    "cli": {"models", "tasks", "flows", "api"},
    "api": {"models", "tasks", "flows"},
}


def texts():
    """Every text file of the repository, but this one."""
    files = [
        path for path in ROOT.iterdir() if path.is_file() and path.name not in (".env", ".git")
    ]
    for package in (*PACKAGES, ".ci"):
        files += [path for path in (ROOT / package).rglob("*") if path.is_file()]
    return [path for path in files if path.suffix in TEXT and path != Path(__file__)]


def places_of(pattern):
    """The places of the pattern, as `file:line`."""
    return [
        f"{path.relative_to(ROOT)}:{number}"
        for path in texts()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(pattern, line)
    ]


def test_no_file_contains_a_path_of_one_machine():
    assert places_of(r"(?<![\w./<])/((work|root|home|Users)(?!\w)|tmp/\w)") == [], (
        "use a relative path"
    )


def test_no_package_registry_is_named():
    hosts = r"pypi\.org|pythonhosted|npmjs|registry\.npm|--(extra-)?index-url|--find-links"
    assert places_of(hosts) == [], "pip's own settings say where packages come from"


def test_constraints_are_exact_versions():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    wrong = [
        line
        for line in lines
        if not re.fullmatch(r"[A-Za-z0-9._-]+==[^\s;@/]+(\s*;.*)?|#.*|", line)
    ]
    assert wrong == [], "write name==version"


# A webhook's body is the document that the API answers, and an export is selected by its filters;
# pyproject.toml has the same exceptions.
OF_THE_API = {"order_factory.api.webhook_documents", "order_factory.api.export_filters"}


@pytest.mark.parametrize("package", KNOWS)
def test_imports_run_one_way(package):
    barred = set(KNOWS) - KNOWS[package] - {package}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in (ROOT / package).rglob("*.py")
        for name in list_imports(path)
        if name.removeprefix("order_factory.").split(".")[0] in barred and name not in OF_THE_API
    ]
    assert wrong == [], f"{package} may import {sorted(KNOWS[package])} only"


@pytest.mark.parametrize(
    "flow",
    [order_factory, bulk_order_factory, drain_order_factories, export_records, import_orders],
)
def test_every_flow_parameter_is_described(flow):
    properties = flow.parameters.properties
    assert [name for name, message in properties.items() if not message.get("description")] == []


def list_imports(path):
    """The names of the modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_a_setting_of_prefect_that_is_named_exists():
    """Prefect passes over an unknown variable in silence, so a misspelt one would do nothing."""
    pages = [path for path in texts() if path.suffix != ".py"]
    named = {
        name for page in pages for name in re.findall(r"\bPREFECT_[A-Z_]+", page.read_text("utf-8"))
    }

    assert "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE" in named
    named -= {f"PREFECT_{section.upper()}" for section in prefect.settings.Settings.model_fields}
    assert sorted(name for name in named if not hasattr(prefect.settings, name)) == []
