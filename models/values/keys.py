"""Keys that people type: numbers, codes, references and emails, made comparable.

A key is stored cleaned: what nobody sees is gone, and its letters stay. Emails, coupon codes and
gift card codes are compared by their comparison key, which ignores letter case. Both are computed
here and never in SQL, because SQLite and PostgreSQL fold letters differently.
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
    """The same key in Unicode form NFC, without invisible characters and without blanks around it.

    A no-break blank, or any other kind of blank, becomes a plain one.
    """
    if text.isascii() and text.isprintable():
        return text.strip()
    composed = unicodedata.normalize("NFC", text)
    visible = (
        " " if char.isspace() else char for char in composed if unicodedata.category(char) != "Cf"
    )
    return "".join(visible).strip()


def comparison_key(text: str) -> str:
    """What is equal for two emails or codes that people take for the same one."""
    cleaned = clean_key(text)
    if cleaned.isascii():
        return cleaned.lower()
    return unicodedata.normalize("NFC", cleaned.casefold())


def comparison_keys(table: str, values: Mapping[str, Any]) -> dict[str, str | None]:
    """The comparison keys of those of a table's values that have one."""
    return {
        key: None if values[name] is None else comparison_key(values[name])
        for key, name in COMPARISON_KEYS.get(table, {}).items()
        if name in values
    }
