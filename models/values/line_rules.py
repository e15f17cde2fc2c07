"""Whether a line is repeated by copies: the rules, and lists of them by SKU code."""

from enum import StrEnum

from order_factory.models.values.kept_parts import DEFAULT, NONE
from order_factory.models.values.keys import clean_key
from order_factory.models.values.texts import text_problem

# As people write them, for the documentation.
REPEAT_SKUS_VALUES = (DEFAULT, NONE, "GIFT=once,FEE=recompute")
_MOST_CODES = 1_000


class LineRule(StrEnum):
    """How copies treat a line: `repeat` copies it, `once` leaves it out, `recompute` prices it.

    A recomputed SKU has today's price. The shop has no price for shipping, surcharges and
    discounts, so these are left out.
    """

    REPEAT = "repeat"
    ONCE = "once"
    RECOMPUTE = "recompute"


def clean_repeat_skus(value: str) -> str:
    """The list without spaces, as `GIFT=once,FEE=recompute`. Raises `ValueError`."""
    words = value.strip()
    if words in (DEFAULT, NONE):
        return words
    found: dict[str, LineRule] = {}
    for pair in filter(None, (each.strip() for each in words.split(","))):
        # A code may have the sign in it, a rule may not.
        name, sign, rule = pair.rpartition("=")
        code = clean_key(name)
        if not sign or not code or rule.strip() not in tuple(LineRule):
            raise ValueError(f"must be {DEFAULT}, {NONE} or SKU codes with a rule: GIFT=once")
        problem = text_problem(code)
        if problem is not None:
            raise ValueError(f"has a SKU code that {problem}")
        if code in found:
            raise ValueError(f"must name {code} once")
        found[code] = LineRule(rule.strip())
    if len(found) > _MOST_CODES:
        raise ValueError(f"must not name more than {_MOST_CODES:,} SKUs")
    return ",".join(f"{code}={rule}" for code, rule in found.items()) or NONE


def clean_shop_rules(value: str) -> str:
    """The same for the setting of the shop, which has no default of its own."""
    rules = clean_repeat_skus(value)
    if rules == DEFAULT:
        raise ValueError(f"must be {NONE} or SKU codes with a rule: GIFT=once")
    return rules
