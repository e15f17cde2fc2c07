"""The memory of the service does not grow with the file that it takes and reads."""

import json
import subprocess
import sys

import pytest

from order_factory.models.tables import OrderFactory
from tests.support.api_client import make_token

pytestmark = pytest.mark.slow

ROWS, WIDTH = 25_000, 2_000
# As for a million rows of the usual width; see tests/support/large_upload.py.
MOST_MEBIBYTES = 64


@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_a_file_of_50_mebibytes_takes_less_memory_than_its_size(shop, ending):
    number = shop.number_of(shop.order())
    command = [sys.executable, "-m", "tests.support.large_upload", number]

    done = subprocess.run(
        [*command, str(ROWS), str(WIDTH), make_token("live"), ending],
        check=True,
        capture_output=True,
        text=True,
    )

    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["unpacked"] > 40
    assert figures["uploading"] - figures["before"] < MOST_MEBIBYTES / 2, figures
    assert figures["reading"] - figures["before"] < MOST_MEBIBYTES, figures
    assert len(shop.rows(OrderFactory)) == 12_000 + ROWS
