"""The wheel, installed beside a project that has modules of the same names as our folders."""

import json
import os
import shutil
import site
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from order_factory.cli.prefect_tables import prepare_prefect_database
from tests.support.ports import find_free_port, wait_for_url

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
BUILT_FROM = ("setup.py", "pyproject.toml", "README.md", "prefect.yaml", "automations")
FOLDERS = ("api", "cli", "flows", "gateways", "models", "tasks")
# What every Prefect project has, and what would break if our names were top-level names.
FOREIGN_MODULES = ("models.py", "flows/__init__.py", "tasks/__init__.py", "api/__init__.py")
FILES = {
    "customers.csv": "email\nann@shop.example\n",
    "addresses.csv": "reference,first_name,last_name,line_1,city,zip_code,country_code\n"
    "home,Ann,Example,1 Example Street,Exampleville,00012,IT\n",
    "skus.csv": "code,name\nMUG,Mug\n",
    "stock_items.csv": "sku_code,stock_location,quantity\nMUG,main,100\n",
    "payment_methods.csv": "reference,payment_source_type,currency_code\nwire,wire_transfers,EUR\n",
    "orders.csv": "number,customer,currency_code,status,placed_at,subtotal_amount_cents,"
    "total_amount_cents,billing_address,shipping_address,payment_method\n"
    + "".join(
        f"R{n},ann@shop.example,EUR,placed,2026-01-15T12:00:00Z,1250,1250,home,home,wire\n"
        for n in range(3)
    ),
    "line_items.csv": "reference,order_number,item_type,sku_code,quantity,unit_amount_cents,"
    "total_amount_cents\n" + "".join(f"line-{n},R{n},skus,MUG,1,1250,1250\n" for n in range(3)),
}
PYTHON_CALL = """
import models, flows, tasks, api
from order_factory.flows import order_factory
assert {module.WHOSE for module in (models, flows, tasks, api)} == {"theirs"}
print(order_factory("R2").status)
"""


class Project:
    """A folder of somebody else, with an environment in which only the wheel is ours."""

    def __init__(self, folder: Path, python: Path, environment: dict[str, str]) -> None:
        self.folder, self.python, self.environment = folder, python, environment

    def run(self, *arguments: str) -> str:
        """What the program wrote to stdout; it must end well."""
        done = subprocess.run(
            [self.python, *arguments],
            cwd=self.folder,
            env=self.environment,
            text=True,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def order_factory(self, *arguments: str) -> dict[str, object]:
        """Run the installed program; its JSON document."""
        program = self.python.with_name("order-factory")
        document: dict[str, object] = json.loads(self.run(str(program), *arguments, "--json"))
        return document


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy, so that the build leaves nothing in the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in (*BUILT_FROM, *FOLDERS):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    command = ["pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", "dist", "."]
    subprocess.run([sys.executable, "-m", *command], cwd=folder, check=True)
    (built,) = (folder / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def project(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    for name in FOREIGN_MODULES:
        module = folder / name
        module.parent.mkdir(exist_ok=True)
        module.write_text('WHOSE = "theirs"\n')
    (folder / "export").mkdir()
    for name, text in FILES.items():
        (folder / "export" / name).write_text(text)
    (folder / "again.csv").write_text("source_order\nR0\nR1\n")
    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    (installed_here,) = site.getsitepackages()
    # The dependencies come from this environment: a line in a .pth file adds their folder, and
    # does not run the file in it that makes the checkout importable.
    (installed_there,) = environment.glob("lib/python*/site-packages")
    (installed_there / "dependencies.pth").write_text(f"{installed_here}\n")
    target = ["--python", str(python), "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", *target], check=True)
    variables = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    port = find_free_port()
    settings = {
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        # As a project's own script has it: its folder comes first.
        "PYTHONPATH": str(folder),
    }
    return Project(folder, python, variables | settings)


@pytest.fixture(scope="module")
def server(project):
    """A Prefect server of the project's own, with tables that need no migration."""
    home = Path(project.environment["PREFECT_HOME"])
    home.mkdir()
    prepare_prefect_database(home / "prefect.db")
    url = project.environment["PREFECT_API_URL"]
    port = url.removesuffix("/api").rpartition(":")[2]
    process = subprocess.Popen(
        [project.python, "-m", "prefect", "server", "start", "--port", port],
        cwd=project.folder,
        env=project.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for_url(f"{url}/health")
        yield url
    finally:
        process.terminate()
        process.wait(60)


def test_the_command_runs_the_installed_program(project):
    where = project.run("-c", "import order_factory.cli.main as main; print(main.__file__)")

    assert Path(where.strip()).is_relative_to(project.python.parents[1])


@pytest.mark.usefixtures("server")
def test_everything_works_next_to_foreign_modules(project):
    project.order_factory("init")
    imported = project.order_factory("import", "export")
    one = project.order_factory("copy", "R0")
    many = project.order_factory("bulk", "again.csv", "--reference", "both")
    deployed = project.order_factory("deploy")
    called = project.run("-c", PYTHON_CALL)
    checked = project.order_factory("verify")

    assert (imported["imported"], imported["rejected"]) == (11, 0)
    assert one["status"] == "completed"
    assert many["completed"] == 2
    assert called == "completed\n"
    assert checked["violations"] == 0
    assert "order-factory/copy" in deployed["deployments"]
    assert "Find dead runs" in deployed["automations"]
