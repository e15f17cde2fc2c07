"""The types that describe a resource. The rest of the API reads only these descriptions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Label, Table

from order_factory.models.values.public_ids import Resource as PublicIds

# A row by column name, with what `derive` and `complete` of its resource add.
Row = dict[str, Any]
Values = dict[str, Any]
Scope = Callable[[FromClause, str], ColumnElement[bool]]

# The caller's own columns, which may change in every state of the row.
DESCRIPTIVE = {"reference", "reference_origin", "metadata", "updated_at"}


# For an answer after a write: the row as it was before, or nothing if it is new.
WRITTEN_OVER = "_written_over"

# The name under which the values of a create have the uploaded `PackedFile`, or None.
UPLOADED = "_uploaded"


class Type(StrEnum):
    """The type of an attribute; a `time` is a text in ISO 8601."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TIME = "time"
    OBJECT = "object"
    TEXTS = "list of texts"
    OBJECTS = "list of objects"


# Types that cannot be sorted by.
LISTS_AND_OBJECTS = (Type.OBJECT, Type.TEXTS, Type.OBJECTS)


class Broken(ValueError):
    """A value breaks a rule. Arguments: the rule (`must be less than 10`), and the attribute's name
    if it is not the attribute that is being checked.
    """

    def __init__(self, rule: str, name: str | None = None) -> None:
        super().__init__(rule, name)
        self.rule, self.name = rule, name


@dataclass(frozen=True)
class Attribute:
    """One attribute: how it is read from a row, and the column for filters and sorting.

    An attribute without a `column` is computed and cannot be used in filters or sorting. A `secret`
    attribute is null for tokens that may only read, and in webhooks. The base URL is put in front
    of an attribute that `is_link`.
    """

    name: str
    type: Type
    read: Callable[[Row], Any]
    column: str | None = None
    nullable: bool = True
    one_of: tuple[str, ...] = ()
    meaning: str = ""
    secret: bool = False
    is_link: bool = False

    @property
    def as_stored(self) -> bool:
        """Return whether the attribute shows the column with its name unchanged."""
        return isinstance(self.read, itemgetter) and not self.secret


@dataclass(frozen=True)
class Writable:
    """An attribute that a client may set, and the rule that converts the value.

    `check` raises `Broken`. Null is stored if the attribute is `nullable`; otherwise it means that
    the attribute is not given. Without `stored`, the value is checked and not stored. A `trigger`
    is not a value of the row; `Hooks.act` carries it out.
    """

    name: str
    type: Type
    check: Callable[[Any], Any]
    create: bool = True
    update: bool = True
    required: bool = False
    nullable: bool = True
    stored: bool = True
    trigger: bool = False
    one_of: tuple[str, ...] = ()
    meaning: str = ""


@dataclass(frozen=True)
class Through:
    """A table between two resources: its column for the near resource and for the far one."""

    table: Table
    near: str
    far: str


@dataclass(frozen=True)
class Relationship:
    """The rows of `target` whose column `far` equals this row's column `near`.

    With `through`, both columns are compared with columns of the table between. With `only`, the
    rows of the target must also meet a condition. A to-one relationship whose key is in this row
    may be `writable`, and then `required`.
    """

    name: str
    target: str
    near: str
    far: str = "id"
    many: bool = False
    through: Through | None = None
    only: Callable[[FromClause], ColumnElement[bool]] | None = None
    writable: bool = False
    updatable: bool = False
    required: bool = False
    meaning: str = ""


def _do_nothing(*_: Any) -> None:
    """Do nothing: the default of hooks."""


def _find_nothing_broken(*_: Any) -> Sequence[Broken]:
    """Return no problem: the default for a resource without triggers."""
    return ()


@dataclass(frozen=True)
class Hooks:
    """What a resource does in addition to storing a row, in the same transaction.

    `fill` completes the values of a create or an update, given the mode and the updated row (None
    for a create); it raises `Broken`. `created` and `updated` follow, with the id and the values.
    `act` carries out the triggers, given the name of the request, which is the same for a repeated
    request; it returns the problem that prevents it. `delete` deletes a row, or raises an error if
    that is forbidden. If a create needs more than a row, `insert` does it and returns the id. If
    `created_keeps_row`, `created` does not change the row, so the row is not read again.
    """

    fill: Callable[[Connection, str, Values, Row | None], None] = _do_nothing
    created: Callable[[Connection, int, Values], None] = _do_nothing
    updated: Callable[[Connection, int, Values], None] = _do_nothing
    act: Callable[[Connection, Row, Values, str], Sequence[Broken]] = _find_nothing_broken
    delete: Callable[[Connection, Row], None] = _do_nothing
    insert: Callable[[Connection, str, Values], int] | None = None
    created_keeps_row: bool = False


@dataclass(frozen=True)
class ResourceType:
    """One resource: the rows of `table` for which `scope` is true in the caller's mode.

    With `takes_file`, a create may be a multipart form with a file. A writable resource has a table
    of the database; a resource that is only read may be a subquery. `derive` returns a column that
    the database computes from another table. `complete` adds values to all rows of a page.
    """

    name: str
    ids: PublicIds
    table: FromClause
    scope: Scope
    attributes: tuple[Attribute, ...]
    relationships: tuple[Relationship, ...] = ()
    writables: tuple[Writable, ...] = ()
    creatable: bool = False
    takes_file: bool = False
    updatable: bool = False
    deletable: bool = False
    hooks: Hooks = field(default_factory=Hooks)
    derive: Callable[[FromClause], Label[Any]] | None = None
    complete: Callable[[Connection, Sequence[Row]], None] | None = None
    meaning: str = ""
    # Dictionaries, because every value of a query looks up a name.
    attribute: dict[str, Attribute] = field(init=False, repr=False, compare=False)
    relationship: dict[str, Relationship] = field(init=False, repr=False, compare=False)

    @property
    def stored_in(self) -> Table:
        """Return the table that is written to."""
        assert isinstance(self.table, Table)
        return self.table

    def __post_init__(self) -> None:
        object.__setattr__(self, "attribute", {each.name: each for each in self.attributes})
        object.__setattr__(self, "relationship", {each.name: each for each in self.relationships})
