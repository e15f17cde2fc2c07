"""Starting Prefect in a separate process, because its settings are read at its import."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        (
            "PREFECT_API_URL",
            "http://127.0.0.1:1/api",
            "Error: Prefect's server at http://127.0.0.1:1/api cannot be reached (",
        ),
        ("PREFECT_LOGGING_LEVEL", "LOUD", "Error: A PREFECT_... setting has a wrong value ("),
    ],
)
def test_the_command_reports_a_prefect_server_that_does_not_start(shop, setting, value, message):
    shop.order(number="A1")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), setting: value}

    output = subprocess.run(
        [sys.executable, "-m", "order_factory.cli.main", "copy", "A1"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (output.returncode, output.stdout) == (2, "")
    assert output.stderr.splitlines()[-1].startswith(message)
    assert "Traceback" not in output.stderr
