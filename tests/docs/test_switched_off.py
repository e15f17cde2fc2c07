"""docs/explanation/what-is-switched-off.md lists every column that can disable a row."""

import re
from pathlib import Path

from order_factory.models.tables import Base

PAGE = Path(__file__).parents[2] / "docs/explanation/what-is-switched-off.md"
SWITCHES = {
    "status",
    "disabled_at",
    "starts_at",
    "expires_at",
    "revoked_at",
    "archived_at",
    "purchasable",
    "do_not_ship",
    "do_not_track",
    "usage_limit",
    "total_usage_limit",
    "customer_single_use",
    "single_use",
    "recipient_email",
}
# How far something has come, and no switch.
PROGRESS = {
    ("order_factories", "status"),
    ("transactions", "status"),
    ("stock_reservations", "status"),
    ("gift_card_uses", "status"),
    ("event_callbacks", "status"),
    ("idempotency_records", "status"),
    ("exports", "status"),
    ("imports", "status"),
}


def read_table():
    """The tables and columns of the first table of the page."""
    named = set()
    text = PAGE.read_text(encoding="utf-8").split("\n## ")[0]
    for tables, columns in re.findall(r"^\| ([a-z_, ()]+?) \| (.+?) \|", text, re.MULTILINE):
        names = re.sub(r" \(.+?\)", "", tables).split(", ")
        named |= {(table, column) for table in names for column in re.findall(r"`(\w+)`", columns)}
    return named


def test_every_environment_variable_is_documented():
    switches = {
        (table.name, column.name)
        for table in Base.metadata.sorted_tables
        for column in table.c
        if column.name in SWITCHES
    }

    assert switches - PROGRESS - read_table() == set()
    assert PROGRESS <= switches
