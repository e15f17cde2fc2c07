"""Sign deliveries, in the two ways that clients expect."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime

from standardwebhooks import Webhook as StandardWebhook

_SECRET_BYTES = 32


def make_secret() -> str:
    """Return a new secret: 64 hexadecimal digits, which `standardwebhooks` reads as Base64."""
    return secrets.token_hex(_SECRET_BYTES)


def sign_for_commerce_layer(secret: str, body: bytes) -> str:
    """Return Base64 of HMAC-SHA256 of the raw body. Source: Commerce Layer, webhooks, callbacks."""
    return base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()


def sign_headers(
    secrets: Sequence[str], *, topic: str, message_id: str, now: datetime, body: bytes
) -> dict[str, str]:
    """Return the headers that identify and sign a delivery.

    `secrets` are the valid secrets, newest first. A Standard Webhooks signature has a part for each
    of them. The other header has room for only one, and uses the oldest valid secret: the receiver
    has time to learn the new one.
    """
    text = body.decode()
    signatures = [StandardWebhook(each).sign(message_id, now, text) for each in secrets]
    return {
        "Content-Type": "application/vnd.api+json",
        "X-CommerceLayer-Topic": topic,
        "X-CommerceLayer-Signature": sign_for_commerce_layer(secrets[-1], body),
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
