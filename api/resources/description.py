"""The words in which a resource is described; the machinery of the API reads nothing else."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Table

from order_factory.models.values.public_ids import Resource as PublicIds

# A row by column name, with what `ResourceType.complete` adds to it.
Row = dict[str, Any]
Values = dict[str, Any]
Scope = Callable[[FromClause, str], ColumnElement[bool]]

# The caller's own columns, which may change whatever the state of the row.
DESCRIPTIVE = {"reference", "reference_origin", "metadata", "updated_at"}


# Where a row that was just written is shown: what it was before (nothing, if it is new).
WRITTEN_OVER = "_written_over"

# Under this name, the values of a create have the `PackedFile` that was uploaded, or None.
UPLOADED = "_uploaded"


class Type(StrEnum):
    """What an attribute holds; a `time` is a text in ISO 8601."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TIME = "time"
    OBJECT = "object"
    TEXTS = "list of texts"
    OBJECTS = "list of objects"


# Nothing can be sorted by these.
LISTS_AND_OBJECTS = (Type.OBJECT, Type.TEXTS, Type.OBJECTS)


class Broken(ValueError):
    """A value breaks a rule. Takes the rule (`must be less than 10`), and the attribute's name

    where it is not the one that is being checked.
    """

    def __init__(self, rule: str, name: str | None = None) -> None:
        super().__init__(rule, name)
        self.rule, self.name = rule, name


@dataclass(frozen=True)
class Attribute:
    """One attribute: how it is read from a row, and the column that filters and sorting compare.

    Without a `column` it is made up from others, and nothing can be filtered or sorted by it. A
    `secret` one is null for tokens that may only read, and in webhooks.
    """

    name: str
    type: Type
    read: Callable[[Row], Any]
    column: str | None = None
    nullable: bool = True
    one_of: tuple[str, ...] = ()
    meaning: str = ""
    secret: bool = False

    @property
    def as_stored(self) -> bool:
        """Whether the column of the attribute's name is shown as it is."""
        return isinstance(self.read, itemgetter) and not self.secret


@dataclass(frozen=True)
class Writable:
    """An attribute that a client may set, and the rule that turns what is given into what is kept.

    `check` raises `Broken`. Null is kept where the attribute is `nullable`, and otherwise leaves
    it as it would be if it had not been given. Without `stored` the value is checked and kept
    nowhere. A `trigger` is no value of the row: `Hooks.act` does what it asks for.
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
    """A table between two resources: its column that the near one meets, and the far one's."""

    table: Table
    near: str
    far: str


@dataclass(frozen=True)
class Relationship:
    """The rows of `target` whose column `far` equals this row's column `near`.

    With `through` the near column meets a column of the table between, and the far one another.
    With `only` the rows of the target also meet a condition.
    A to-one relationship whose key is in this row may be `writable`, and then `required`.
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


def _nothing(*_: Any) -> None:
    """Where a resource does no more than store a row."""


def _nothing_broken(*_: Any) -> Sequence[Broken]:
    """Where a resource has no triggers."""
    return ()


@dataclass(frozen=True)
class Hooks:
    """What a resource does besides storing a row, in the transaction that stores it.

    `fill` completes the values of a create or an update, and is given the mode and the row that
    is updated (None for a create); it raises `Broken`. `created` and `updated` follow, with the
    key and the values, and then `act` with the triggers and the name of the request, which is the
    same if the request is carried out again; it returns what keeps it from doing so.
    `delete` takes a row away, and raises what forbids it. Where a create
    takes more than a row, `insert` does it, and returns the key.
    """

    fill: Callable[[Connection, str, Values, Row | None], None] = _nothing
    created: Callable[[Connection, int, Values], None] = _nothing
    updated: Callable[[Connection, int, Values], None] = _nothing
    act: Callable[[Connection, Row, Values, str], Sequence[Broken]] = _nothing_broken
    delete: Callable[[Connection, Row], None] = _nothing
    insert: Callable[[Connection, str, Values], int] | None = None


@dataclass(frozen=True)
class ResourceType:
    """One resource: the rows of `table` for which `scope` holds in the caller's mode.

    With `takes_file`, a create may be a multipart form with a file.

    What can be written is a table of the database; what is only read may be a subquery. `complete`
    adds to the rows of a page what their table does not hold, with one statement for all of them.
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
    complete: Callable[[Connection, Sequence[Row]], None] | None = None
    meaning: str = ""
    # By name, since they are looked up for each value of a query.
    attribute: dict[str, Attribute] = field(init=False, repr=False, compare=False)
    relationship: dict[str, Relationship] = field(init=False, repr=False, compare=False)

    @property
    def stored_in(self) -> Table:
        """The table that is written to."""
        assert isinstance(self.table, Table)
        return self.table

    def __post_init__(self) -> None:
        object.__setattr__(self, "attribute", {each.name: each for each in self.attributes})
        object.__setattr__(self, "relationship", {each.name: each for each in self.relationships})
