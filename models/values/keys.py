"""Keys that people type: numbers, codes, references and emails, made comparable.

A key is stored clean: without invisible characters, and with its letter case. Emails and coupon
codes are compared by a comparison key that ignores letter case. Both are computed here and never in
SQL, because SQLite and PostgreSQL convert letters to lower case differently.
"""

import unicodedata
from collections.abc import Mapping
from typing import Any

# The comparison keys of each table: the column of the key, and the column of its value.
COMPARISON_KEYS: Mapping[str, Mapping[str, str]] = {
    "customers": {"email_key": "email"},
    "coupons": {"code_key": "code", "recipient_email_key": "recipient_email"},
    "gift_cards": {"code_key": "code"},
    "orders": {
        "coupon_code_key": "coupon_code",
        "customer_email_key": "customer_email",
        "gift_card_code_key": "gift_card_code",
    },
}


def clean_key(text: str) -> str:
    """Return the key in Unicode form NFC, without invisible characters and surrounding spaces.

    Any other kind of space becomes a plain space.
    """
    if text.isascii() and text.isprintable():
        return text.strip()
    composed = unicodedata.normalize("NFC", text)
    visible = (
        " " if char.isspace() else char for char in composed if unicodedata.category(char) != "Cf"
    )
    return "".join(visible).strip()


def comparison_key(text: str) -> str:
    """Return the comparison key of an email or a coupon code. Equal ones have equal keys."""
    cleaned = clean_key(text)
    if cleaned.isascii():
        return cleaned.lower()
    return unicodedata.normalize("NFC", cleaned.casefold())


def make_comparison_keys(table: str, values: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the comparison keys of those values of a table that have one."""
    return {
        key: None if values[name] is None else comparison_key(values[name])
        for key, name in COMPARISON_KEYS.get(table, {}).items()
        if name in values
    }
