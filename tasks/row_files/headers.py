"""Matching the names of a file's columns with the known names."""

import re
from collections.abc import Collection, Sequence
from difflib import get_close_matches

from order_factory.models.values.keys import clean_key

_SHOWN = 5
_LONGEST = 60
_BETWEEN_WORDS = re.compile(r"[\s_.:/-]+")


def match_columns(found: Sequence[str], known: Collection[str]) -> list[str]:
    """The names as they are known; letter case and blanks around them do not matter.

    Neither do the signs between two words: ` `, `_`, `-`, `.`, `:` and `/` are the same.

    A name that is not known stays as it is, without what nobody sees; "" is a column without one.
    """
    by_form = {comparable_name(name): name for name in known}
    matched = []
    for name in found:
        cleaned = clean_key(name)
        matched.append(
            cleaned if cleaned in known else by_form.get(comparable_name(cleaned), cleaned)
        )
    return matched


def name_known_columns(unknown: Sequence[str], known: Collection[str]) -> str:
    """The first unknown columns for a message, each with the known one that may be meant."""
    shown = []
    for name in unknown[:_SHOWN]:
        meant = get_close_matches(comparable_name(name), list(known), n=1, cutoff=0.75)
        shown.append(repr(name[:_LONGEST]) + (f" (is {meant[0]} meant?)" if meant else ""))
    more = len(unknown) - _SHOWN
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def comparable_name(name: str) -> str:
    """The name of a column as it is compared: `Item SKU`, `item_sku` and `item:sku` are equal."""
    return _BETWEEN_WORDS.sub("_", name.casefold())
