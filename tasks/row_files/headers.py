"""Match the column names of a file with the known names."""

import re
from collections.abc import Collection, Sequence
from difflib import get_close_matches

from order_factory.models.values.keys import clean_key

_SHOWN = 5
_LONGEST = 60
_BETWEEN_WORDS = re.compile(r"[\s_.:/-]+")


def match_columns(found: Sequence[str], known: Collection[str]) -> list[str]:
    """Return the known names of the columns. Letter case and outer spaces are ignored.

    The signs ` `, `_`, `-`, `.`, `:` and `/` between two words are equal. An unknown name is only
    freed of invisible characters. A column without a name is "".
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
    """Return the first unknown columns for a message, each with the most similar known column."""
    shown = []
    for name in unknown[:_SHOWN]:
        meant = get_close_matches(comparable_name(name), list(known), n=1, cutoff=0.75)
        shown.append(repr(name[:_LONGEST]) + (f" (is {meant[0]} meant?)" if meant else ""))
    more = len(unknown) - _SHOWN
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def comparable_name(name: str) -> str:
    """Return the comparable form of a name: `Item SKU`, `item_sku` and `item:sku` are equal."""
    return _BETWEEN_WORDS.sub("_", name.casefold())
