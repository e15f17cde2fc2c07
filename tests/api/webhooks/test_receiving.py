"""The code of the page on webhooks and the example verify what is delivered, also in a rotation."""

import base64
import json
import shutil
import subprocess

import pytest
from httpx import Headers
from standardwebhooks import WebhookVerificationError

from tests.api.webhooks.conftest import deliver_due
from tests.support.documents import ROOT, read_blocks

BLOCKS = read_blocks(ROOT / "docs/how-to/receive-webhooks.md")
# The first block of Python creates a webhook. The first of JavaScript needs a package of npm.
STANDARD, OF_COMMERCE_LAYER = [each.text for each in BLOCKS if each.language == "python"][1:]
IN_JAVASCRIPT = [each.text for each in BLOCKS if each.language == "javascript"][1]


@pytest.fixture
def rotated(api, receiver, subscribe):
    """The old and the new secret of a webhook, and a request that was sent during the rotation."""
    hook = subscribe("customers.create")
    data = {"type": "webhooks", "id": hook["id"], "attributes": {"_rotate_secret": True}}
    new = api.patch(f"webhooks/{hook['id']}", data)["data"]["attributes"]["shared_secret"]
    api.post("customers", {"type": "customers", "attributes": {"email": "ä@shop.example"}})
    deliver_due()
    (request,) = receiver.requests
    return hook["shared_secret"], new, request


def run_block(block, secret, request):
    names = {"secret": secret, "raw_body": request.body, "headers": Headers(request.headers)}
    exec(block, names)  # noqa: S102  (the page's own code)
    return names


def run_javascript(secret, request):
    body = base64.b64encode(request.body).decode()
    given = f"const secret = {json.dumps(secret)}, rawBody = Buffer.from({body!r}, 'base64');"
    headers = f"const request = {json.dumps({'headers': dict(request.headers)})};"
    script = f"{given}\n{headers}\n{IN_JAVASCRIPT}\nconsole.log(isValid);"
    command = ["node", "--input-type=module", "-e", script]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_the_code_of_the_page_verifies_a_delivery(rotated):
    old, new, request = rotated
    other = base64.b64encode(b"another secret of the same size!").decode()

    for secret in (old, new):
        assert run_block(STANDARD, secret, request)["document"] == json.loads(request.body)
    with pytest.raises(WebhookVerificationError):
        run_block(STANDARD, other, request)
    valid = [run_block(OF_COMMERCE_LAYER, secret, request)["is_valid"] for secret in (old, new)]
    assert valid == [True, False]
    if shutil.which("node"):
        assert [run_javascript(secret, request) for secret in (old, new)] == ["true", "false"]
