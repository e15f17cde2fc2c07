"""The filter that selects the orders of a batch: a form for people, a request for programs."""

import re
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    create_model,
    model_validator,
)

from order_factory.models.requests.copies import Text
from order_factory.models.requests.form_fields import simplify_fields
from order_factory.models.values.durations import check_duration
from order_factory.models.values.order_filter_fields import FILTER_FIELDS, FilterField, Kind
from order_factory.models.values.statuses import Mode, OrderStatus

PLACED = (OrderStatus.PLACED, OrderStatus.APPROVED)


def _require_time(value: Any) -> Any:
    if isinstance(value, str):
        value = value.strip()
    # pydantic would read a number, such as 20260131, as seconds since 1970.
    if isinstance(value, date) or (isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d", value)):
        return value
    raise ValueError("a date such as 2026-01-31 or a time such as 2026-01-31T18:00:00Z is expected")


def _convert_date(value: Any) -> Any:
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time(), UTC)
    return value


def _convert_to_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the time is outside the years 1 to 9999") from error


Moment = Annotated[
    datetime,
    BeforeValidator(_convert_date),
    BeforeValidator(_require_time),
    AfterValidator(_convert_to_utc),
]


_TYPES: dict[Kind, tuple[Any, Any]] = {
    Kind.TEXT: (Text | None, None),
    Kind.TIME: (Moment | None, None),
    Kind.DURATION: (Annotated[str, AfterValidator(check_duration)] | None, None),
    Kind.COUNT: (Annotated[int, Field(ge=1)] | None, None),
    Kind.FLAG: (bool, False),
    Kind.STATUSES: (Annotated[tuple[OrderStatus, ...], Field(min_length=1)], PLACED),
    Kind.MODE: (Mode, Mode.LIVE),
}

if TYPE_CHECKING:

    class _Fields(BaseModel):
        """A field for each of `FILTER_FIELDS`. Type checkers do not check access to them."""

        def __getattr__(self, name: str) -> Any: ...

else:
    _Fields = create_model(
        "_Fields",
        **{
            field.name: (
                _TYPES[field.kind][0],
                Field(
                    default=_TYPES[field.kind][1], title=field.label, description=field.description
                ),
            )
            for field in FILTER_FIELDS
        },
    )


class OrderFilter(_Fields):
    """Orders that match every given field. Without fields, every placed order that is not a copy.

    A date means its midnight, and a time without a time zone is UTC. Copies are left out unless
    `include_copies` is set, because a nightly batch would copy its own copies of the night before.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=simplify_fields)

    if TYPE_CHECKING:

        def __init__(self, **given: Any) -> None: ...

    @model_validator(mode="after")
    def _check_time_range(self) -> "OrderFilter":
        bounds = self.placed_from, self.placed_before
        if None not in bounds and self.placed_from >= self.placed_before:
            raise ValueError("placed_from must be earlier than placed_before")
        return self

    def in_words(self) -> str:
        """Return the filter in words for people. It shows the customer as given, so use a public id."""
        beginning: list[str] = []
        rest: list[str] = []
        for field in FILTER_FIELDS:
            value = getattr(self, field.name)
            if field.kind in (Kind.MODE, Kind.STATUSES):
                beginning.insert(0, _in_words(field, value))
            elif value is not None and value is not False:
                rest.append(_in_words(field, value))
            elif field.words_without is not None:
                rest.append(field.words_without)
        return ", ".join([" ".join(beginning), *rest])


def _ignore_untouched_form(
    value: Any, validate: ValidatorFunctionWrapHandler
) -> OrderFilter | None:
    order_filter: OrderFilter | None = validate(value)
    return None if isinstance(value, dict) and order_filter == OrderFilter() else order_filter


# Prefect's form sends the default values of a filter that nobody has filled in. A dict with
# only default values is no filter: an empty form must not copy every order.
FormFilter = Annotated[OrderFilter | None, WrapValidator(_ignore_untouched_form)]


def _in_words(field: FilterField, value: Any) -> str:
    if isinstance(value, tuple):
        value = " or ".join(value)
    elif isinstance(value, datetime):
        value = f"{value:%Y-%m-%d %H:%M:%S} UTC"
    return field.words.format(value)
