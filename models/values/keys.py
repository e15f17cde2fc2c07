"""Keys that people type: numbers, codes, references and emails, made comparable.

A key is stored clean: without invisible characters, with its own letter case. Emails and coupon
codes are compared by their comparison key, which ignores letter case. Both are computed here and
never in SQL, because SQLite and PostgreSQL fold letters differently.
"""

import unicodedata
from collections.abc import Mapping
from typing import Any

# Where a comparison key is stored: column -> the column that it is computed from, by table.
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
    """The key in Unicode form NFC, without invisible characters and surrounding spaces.

    A no-break space, or any other kind of space, becomes a plain one.
    """
    if text.isascii() and text.isprintable():
        return text.strip()
    composed = unicodedata.normalize("NFC", text)
    visible = (
        " " if char.isspace() else char for char in composed if unicodedata.category(char) != "Cf"
    )
    return "".join(visible).strip()


def comparison_key(text: str) -> str:
    """The text by which emails and coupon codes are compared: equal for equal ones."""
    cleaned = clean_key(text)
    if cleaned.isascii():
        return cleaned.lower()
    return unicodedata.normalize("NFC", cleaned.casefold())


def comparison_keys(table: str, values: Mapping[str, Any]) -> dict[str, str | None]:
    """The comparison keys of a table's values, as far as the columns have one."""
    return {
        key: None if values[name] is None else comparison_key(values[name])
        for key, name in COMPARISON_KEYS.get(table, {}).items()
        if name in values
    }
