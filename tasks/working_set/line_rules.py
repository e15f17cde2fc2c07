"""Whether lines are repeated: by the copy's rules for SKU codes, and by the lines' metadata."""

from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, case, false, func, literal, true

from order_factory.models.database.dialects import json_member_is
from order_factory.models.values.kept_parts import NONE
from order_factory.models.values.line_rules import LineRule
from order_factory.models.values.statuses import PURCHASABLE, ItemType

# The member of a line's metadata that names its rule, and the values that name it, as JSON.
_MARK = "repeat"
_MARKS = (("false", LineRule.ONCE), ('"once"', LineRule.ONCE), ('"recompute"', LineRule.RECOMPUTE))


def line_rule(line: FromClause, rules: ColumnElement[str]) -> ColumnElement[str]:
    """The `LineRule` of a line. `rules` is a copy's `repeat_skus`, without `default`.

    A rule for the line's SKU or bundle comes before its metadata. What a gift card pays is decided
    by the option `gift_cards`.
    """
    columns, listed = line.c, literal(",").concat(rules).concat(",")
    code = func.coalesce(columns.sku_code, columns.bundle_code)

    def lists(rule: LineRule) -> ColumnElement[bool]:
        entry = literal(",").concat(code).concat(f"={rule.value},")
        return and_(rules != NONE, func.replace(listed, entry, "") != listed)

    redemption = and_(columns.item_type == ItemType.GIFT_CARDS, columns.total_amount_cents < 0)
    repeat = LineRule.REPEAT.value
    whens: list[tuple[Any, Any]] = [
        (and_(columns.metadata.is_(None), rules == NONE), repeat),
        (redemption, repeat),
        *((lists(rule), rule.value) for rule in LineRule),
        *(
            (json_member_is(columns.metadata, literal(_MARK), literal(mark)), rule.value)
            for mark, rule in _MARKS
        ),
    ]
    return case(*whens, else_=repeat)


def is_once(line: FromClause, rules: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether copies leave the line out, because it is for one order only or cannot be recomputed.

    The shop has prices for goods only.
    """
    left_out = {
        LineRule.ONCE.value: true(),
        LineRule.RECOMPUTE.value: line.c.item_type.not_in(PURCHASABLE),
    }
    return case(left_out, value=line_rule(line, rules), else_=false())


def is_recomputed(line: FromClause, rules: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether copies give the line today's price of its SKU."""
    recompute = line_rule(line, rules) == LineRule.RECOMPUTE.value
    return and_(line.c.item_type.in_(PURCHASABLE), recompute)
