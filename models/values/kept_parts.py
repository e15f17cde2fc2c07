"""What a copy keeps of the data of other systems: metadata and references."""

from enum import StrEnum

from order_factory.models.values.texts import text_problem

DEFAULT, ALL, NONE = "default", "all", "none"
# Before the names of the members that are kept: `keys:color,size`.
KEYS = "keys:"
KEEP_METADATA_VALUES = (DEFAULT, ALL, NONE, "keys:a,b")


class KeepReferences(StrEnum):
    """`default`: as the shop's setting says. `none`: no two rows have the same foreign reference."""

    DEFAULT = DEFAULT
    NONE = NONE
    ALL = ALL


def clean_keep_metadata(value: str) -> str:
    """The rule without spaces around its keys. Raises `ValueError`, which says what is expected."""
    words = value.strip()
    if words in (DEFAULT, ALL, NONE):
        return words
    keys = [key.strip() for key in words.removeprefix(KEYS).split(",")]
    if not words.startswith(KEYS) or not all(keys):
        raise ValueError(f"must be {', '.join(KEEP_METADATA_VALUES[:-1])} or keys:a,b")
    rule = KEYS + ",".join(keys)
    problem = text_problem(rule)
    if problem is not None:
        raise ValueError(problem)
    return rule


def clean_shop_metadata(value: str) -> str:
    """The same for the setting of the shop, which has no default of its own."""
    rule = clean_keep_metadata(value)
    if rule == DEFAULT:
        raise ValueError("must be all, none or keys:a,b")
    return rule
