"""The rules for the metadata and the references that copies keep."""

from enum import StrEnum

from order_factory.models.values.texts import find_text_problem

DEFAULT, ALL, NONE = "default", "all", "none"
# The prefix of the list of members to keep: `keys:color,size`.
KEYS = "keys:"
KEEP_METADATA_VALUES = (DEFAULT, ALL, NONE, "keys:a,b")


class KeepReferences(StrEnum):
    """`default`: the shop's setting decides. `none`: no two rows have the same reference."""

    DEFAULT = DEFAULT
    NONE = NONE
    ALL = ALL


def clean_keep_metadata(value: str) -> str:
    """Return the rule without spaces around its keys. Raises `ValueError` with the valid forms."""
    stripped = value.strip()
    if stripped in (DEFAULT, ALL, NONE):
        return stripped
    keys = [key.strip() for key in stripped.removeprefix(KEYS).split(",")]
    if not stripped.startswith(KEYS) or not all(keys):
        raise ValueError(f"must be {', '.join(KEEP_METADATA_VALUES[:-1])} or keys:a,b")
    rule = KEYS + ",".join(keys)
    problem = find_text_problem(rule)
    if problem is not None:
        raise ValueError(problem)
    return rule


def clean_shop_metadata(value: str) -> str:
    """Return the rule for the shop's setting, which cannot be `default`. Raises `ValueError`."""
    rule = clean_keep_metadata(value)
    if rule == DEFAULT:
        raise ValueError("must be all, none or keys:a,b")
    return rule
