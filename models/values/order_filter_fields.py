"""The fields of the order filter, which selects the orders of a batch. Each is declared here.

`FILTER_FIELDS` produces the form, the command line options, the API attributes and the words that
describe a filter. A new field needs a declaration here and a condition in
`tasks/selections/filters.py`.
"""

from dataclasses import dataclass
from enum import Enum, auto


class Kind(Enum):
    """The kind of a field. A field of the last three kinds always has a value."""

    TEXT = auto()
    TIME = auto()
    DURATION = auto()
    COUNT = auto()
    FLAG = auto()
    STATUSES = auto()
    MODE = auto()


@dataclass(frozen=True)
class FilterField:
    """One field of the filter.

    `words` describes its selection, with `{}` in place of the value. `words_without` describes the
    selection of a flag that is not set. `option` is its option on the command line, if that has
    another name. A `narrowing` field selects nothing alone: it needs another field, or all orders.
    """

    name: str
    kind: Kind
    description: str
    words: str
    title: str | None = None
    option: str | None = None
    metavar: str | None = None
    narrowing: bool = False
    words_without: str | None = None

    @property
    def label(self) -> str:
        return self.title or self.name.replace("_", " ").capitalize()

    @property
    def flag(self) -> str:
        return self.option or f"--{self.name.replace('_', '-')}"


FILTER_FIELDS = (
    FilterField(
        "customer",
        Kind.TEXT,
        "Orders of this customer: a public id, which keeps the email out of Prefect, or an email.",
        "of customer {}",
        metavar="CUSTOMER",
    ),
    FilterField(
        "status",
        Kind.STATUSES,
        "Orders with one of these statuses; for copying, placed and approved unless given.",
        "with status {}",
        metavar="STATUS",
    ),
    FilterField(
        "placed_within",
        Kind.DURATION,
        "Orders placed in this time until now, such as 24 hours.",
        "placed in the last {}",
        title="Placed in the last",
        metavar="DURATION",
    ),
    FilterField(
        "placed_from",
        Kind.TIME,
        "Orders placed then or later: 2026-01-31, or 2026-01-31T18:00:00Z; UTC.",
        "placed from {}",
        metavar="TIME",
    ),
    FilterField(
        "placed_before",
        Kind.TIME,
        "Orders placed earlier than that.",
        "placed before {}",
        metavar="TIME",
    ),
    FilterField("market", Kind.TEXT, "Orders of this market.", "of market {!r}", metavar="NAME"),
    FilterField(
        "sku",
        Kind.TEXT,
        "Orders that have a line with this SKU.",
        "with SKU {!r}",
        title="SKU",
        metavar="CODE",
    ),
    FilterField(
        "reference",
        Kind.TEXT,
        "Orders that have this reference.",
        "with reference {!r}",
        option="--order-reference",
        metavar="TEXT",
    ),
    FilterField(
        "not_copied_yet",
        Kind.FLAG,
        "Leave out orders that have a copy or a pending copy.",
        "not copied yet",
        narrowing=True,
    ),
    FilterField(
        "include_copies",
        Kind.FLAG,
        "Include orders that are copies themselves.",
        "copies included",
        narrowing=True,
        words_without="copies left out",
    ),
    FilterField(
        "limit",
        Kind.COUNT,
        "Take at most N orders, oldest first.",
        "the earliest {}",
        metavar="N",
        narrowing=True,
    ),
    FilterField(
        "mode", Kind.MODE, "Live orders or test orders.", "{} orders", title="Live or test"
    ),
)
