"""Attributes of the common kinds, so that the description of a resource is a list of names."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, FromClause

from order_factory.api.resources.description import Attribute, Row, Type
from order_factory.models.values.copy_options import COPY_CHANGES, COPY_OPTIONS, CopyOption
from order_factory.models.values.money import show_amount

CURRENCY = "currency_code"
_DATE = len("2018-01-01")
_SECONDS = len("2018-01-01T12:00:00")
_WITHOUT_OFFSET = len("2018-01-01T12:00:00.000")


def text(
    name: str,
    *,
    nullable: bool = True,
    one_of: tuple[str, ...] = (),
    meaning: str = "",
) -> Attribute:
    return Attribute(name, Type.TEXT, itemgetter(name), name, nullable, one_of, meaning)


def text_never_null(name: str) -> Attribute:
    """Return a text attribute that is shown as an empty text instead of null."""
    return Attribute(name, Type.TEXT, lambda row: row[name] or "", name, nullable=False)


def integer(name: str, *, nullable: bool = True, meaning: str = "") -> Attribute:
    return Attribute(name, Type.INTEGER, itemgetter(name), name, nullable, meaning=meaning)


def number(name: str, *, meaning: str = "") -> Attribute:
    return Attribute(name, Type.NUMBER, itemgetter(name), name, meaning=meaning)


def flag(name: str, *, nullable: bool = False, meaning: str = "") -> Attribute:
    return Attribute(name, Type.BOOLEAN, itemgetter(name), name, nullable, meaning=meaning)


def json_object(name: str, *, nullable: bool = True, meaning: str = "") -> Attribute:
    """Return an object attribute. Unless it is `nullable`, null is shown as an empty object."""
    read = itemgetter(name) if nullable else lambda row: row[name] or {}
    return Attribute(name, Type.OBJECT, read, name, nullable, meaning=meaning)


def time(name: str, *, nullable: bool = True, column: str | None = None) -> Attribute:
    column_name = column or name
    return Attribute(name, Type.TIME, lambda row: iso_8601(row[column_name]), column_name, nullable)


def computed(
    name: str, type: Type, read: Callable[[Row], Any], *, nullable: bool = True, meaning: str = ""
) -> Attribute:
    """Return an attribute without a column, computed from the other columns of the row."""
    return Attribute(name, type, read, nullable=nullable, meaning=meaning)


def amount(
    name: str, *, nullable: bool = True, float_nullable: bool | None = None
) -> tuple[Attribute, ...]:
    """Return the three attributes of an amount: `NAME_cents`, `NAME_float` and `formatted_NAME`.

    Only the first is stored. The others depend on the row's `currency_code`. If only the cents are
    nullable, the float is 0.0 without them.
    """
    cents = f"{name}_cents"
    without = None if nullable and float_nullable in (None, True) else 0.0
    as_float, as_price = ShownAmount(cents, 0, without), ShownAmount(cents, 1, None)
    return (
        integer(cents, nullable=nullable, meaning="In the currency's smallest unit."),
        computed(f"{name}_float", Type.NUMBER, as_float, nullable=without is None),
        computed(f"formatted_{name}", Type.TEXT, as_price, nullable=nullable),
    )


@dataclass(frozen=True)
class ShownAmount:
    """Reads a row's amount as a number (`form` 0) or as a price (1); `without` is for no amount.

    The number is only to be shown: nothing is ever computed from it.
    """

    cents: str
    form: int
    without: float | None

    def __call__(self, row: Row) -> Any:
        amount = row[self.cents]
        return self.without if amount is None else show_amount(amount, row[CURRENCY])[self.form]


def copy_options() -> tuple[Attribute, ...]:
    """Return the copy options. Source: Commerce Layer API reference, order copy object."""
    return tuple(
        flag(option.name, meaning=_meaning(option))
        if option.type is bool
        else text(option.name, nullable=False, one_of=option.values, meaning=_meaning(option))
        for option in COPY_OPTIONS
    )


def copy_changes() -> tuple[Attribute, ...]:
    """Return the options that change the copy."""
    return tuple(
        (json_object if change.type is dict else text)(change.name, meaning=_meaning(change))
        for change in COPY_CHANGES
    )


def _meaning(option: CopyOption) -> str:
    return f"{option.description} Ours." if option.ours else option.description


def common() -> tuple[Attribute, ...]:
    """Return the attributes of every resource. Source: Commerce Layer API reference."""
    return (
        time("created_at", nullable=False),
        time("updated_at", nullable=False),
        text("reference", meaning="The caller's own name for it."),
        text("reference_origin", meaning="System that the reference comes from."),
        json_object("metadata", nullable=False, meaning="The caller's own data."),
    )


def no_descriptions(meaning: str) -> tuple[Attribute, ...]:
    """Return reference and metadata as always empty attributes, for a resource without them."""
    nothing = {
        name: computed(name, Type.TEXT, lambda _row: None, meaning=meaning)
        for name in ("reference", "reference_origin")
    }
    metadata = computed("metadata", Type.OBJECT, lambda _row: {}, nullable=False, meaning="Empty.")
    return (*nothing.values(), metadata)


def iso_8601(moment: datetime | str | None) -> str | None:
    """UTC with milliseconds, as `2018-01-01T12:00:00.000Z`.

    A text is a time as the database writes it: SQLite in UTC without an offset, PostgreSQL in the
    session's time zone, without the last zeros.
    """
    if moment is None:
        return None
    if isinstance(moment, str):
        fraction = moment[_SECONDS:].removesuffix("+00")
        if not fraction or (fraction[0] == "." and fraction[1:].isdigit()):
            # Its four characters are the point and the milliseconds, filled up with zeros.
            return f"{moment[:_DATE]}T{moment[_DATE + 1 : _SECONDS]}{fraction or '.':0<4.4}Z"
        moment = datetime.fromisoformat(moment)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds")[:_WITHOUT_OFFSET] + "Z"


def own_mode(row: FromClause, mode: str) -> ColumnElement[bool]:
    """Limit a table with a `mode` column to the rows of this mode."""
    return row.c.mode == mode
