"""The line rules: whether copies repeat a line. Lists of rules are by SKU code."""

from enum import StrEnum

from order_factory.models.values.kept_parts import DEFAULT, NONE
from order_factory.models.values.keys import clean_key
from order_factory.models.values.texts import find_text_problem

# Examples of values as people write them, for the documentation.
REPEAT_SKUS_VALUES = (DEFAULT, NONE, "GIFT=once,FEE=recompute")
_MOST_CODES = 1_000


class LineRule(StrEnum):
    """How copies treat a line: `repeat` copies it, `once` leaves it out, `recompute` prices it.

    A recomputed SKU gets today's price. Shipping, surcharges and discounts have no price in the
    shop, so they are left out.
    """

    REPEAT = "repeat"
    ONCE = "once"
    RECOMPUTE = "recompute"


def clean_repeat_skus(value: str) -> str:
    """Return the list without spaces, such as `GIFT=once,FEE=recompute`. Raises `ValueError`."""
    stripped = value.strip()
    if stripped in (DEFAULT, NONE):
        return stripped
    rules_by_code: dict[str, LineRule] = {}
    for pair in filter(None, (each.strip() for each in stripped.split(","))):
        # A code may contain the sign =, but a rule may not.
        name, sign, rule = pair.rpartition("=")
        code = clean_key(name)
        if not sign or not code or rule.strip() not in tuple(LineRule):
            raise ValueError(f"must be {DEFAULT}, {NONE} or SKU codes with a rule: GIFT=once")
        problem = find_text_problem(code)
        if problem is not None:
            raise ValueError(f"has a SKU code that {problem}")
        if code in rules_by_code:
            raise ValueError(f"must name {code} once")
        rules_by_code[code] = LineRule(rule.strip())
    if len(rules_by_code) > _MOST_CODES:
        raise ValueError(f"must not name more than {_MOST_CODES:,} SKUs")
    return ",".join(f"{code}={rule}" for code, rule in rules_by_code.items()) or NONE


def clean_shop_rules(value: str) -> str:
    """Return the list for the shop's setting, which cannot be `default`. Raises `ValueError`."""
    rules = clean_repeat_skus(value)
    if rules == DEFAULT:
        raise ValueError(f"must be {NONE} or SKU codes with a rule: GIFT=once")
    return rules
