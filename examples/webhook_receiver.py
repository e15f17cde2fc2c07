"""A receiver of webhooks: it verifies the signature, drops repeats and prints what happened.

    ORDER_FACTORY_WEBHOOK_SECRETS=... python examples/webhook_receiver.py 9000

Subscribe it with `order-factory webhooks create order_copies.complete http://HOST:9000/`. The
secrets are comma-separated: after a rotation, name the new one and the old one. The ids of what
was received are kept in a file, since a delivery whose answer is lost comes again.
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from standardwebhooks import Webhook, WebhookVerificationError

SECRETS = os.environ["ORDER_FACTORY_WEBHOOK_SECRETS"].split(",")
SEEN = Path("received.txt")


def verified(body: bytes, headers: dict[str, str]) -> dict[str, object] | None:
    """The document of the body, if a secret signed it within the last five minutes."""
    for secret in SECRETS:
        try:
            document: dict[str, object] = Webhook(secret).verify(body, headers)
            return document
        except WebhookVerificationError:
            continue
    return None


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        document = verified(body, dict(self.headers.items()))
        if document is None:
            self.send_error(401, "The signature is not valid")
            return
        # Do the work before the answer: after an error, the delivery comes again.
        event = self.headers["webhook-id"]
        if not SEEN.exists() or event not in SEEN.read_text(encoding="utf-8").split():
            print(self.headers["X-CommerceLayer-Topic"], json.dumps(document["data"]), flush=True)
            with SEEN.open("a", encoding="utf-8") as file:
                file.write(f"{event}\n")
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Print no line for each request."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver)
    print(f"Listening on http://127.0.0.1:{server.server_port}/", flush=True)
    server.serve_forever()
