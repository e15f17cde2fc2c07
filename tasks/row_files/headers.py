"""Matching the names of a file's columns with the known names."""

from collections.abc import Collection, Sequence
from difflib import get_close_matches

from order_factory.models.values.keys import clean_key

_SHOWN = 5
_LONGEST = 60


def match_columns(found: Sequence[str], known: Collection[str]) -> list[str]:
    """The names as they are known; letter case, blanks around them and `_` or `-` do not matter.

    A name that is not known stays as it is, without what nobody sees; "" is a column without one.
    """
    by_form = {_form(name): name for name in known}
    matched = []
    for name in found:
        cleaned = clean_key(name)
        matched.append(cleaned if cleaned in known else by_form.get(_form(cleaned), cleaned))
    return matched


def name_known_columns(unknown: Sequence[str], known: Collection[str]) -> str:
    """The first unknown columns for a message, each with the known one that may be meant."""
    shown = []
    for name in unknown[:_SHOWN]:
        meant = get_close_matches(_form(name), list(known), n=1, cutoff=0.75)
        shown.append(repr(name[:_LONGEST]) + (f" (is {meant[0]} meant?)" if meant else ""))
    more = len(unknown) - _SHOWN
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _form(name: str) -> str:
    return name.casefold().replace(" ", "_").replace("-", "_")
