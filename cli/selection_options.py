"""The options that say which orders `order-factory bulk` copies, and what they add up to."""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from order_factory.models.values.copy_options import OPTIONS
from order_factory.models.values.order_filter_fields import FILTER_FIELDS, FilterField, Kind

if TYPE_CHECKING:
    from order_factory.models.requests.order_filters import OrderFilter

F = TypeVar("F", bound=Callable[..., Any])

File = Annotated[
    str | None,
    typer.Argument(
        metavar="FILE",
        help="A .csv, .xlsx, .parquet or .jsonl file with the column source_order, and if "
        f"wanted {', '.join(OPTIONS)}, reference, reference_origin, metadata.",
        show_default=False,
    ),
]
OrderNames = Annotated[
    list[str] | None,
    typer.Option(
        "--order",
        metavar="ORDER",
        help="Number or id of an order; give it once per order.",
    ),
]
AllOrders = Annotated[
    bool,
    typer.Option(
        "--all-orders",
        help="Every placed (or approved) order that is itself no copy.",
    ),
]
FailedOf = Annotated[
    str | None,
    typer.Option(
        "--failed-of",
        metavar="REFERENCE",
        help="The copies that failed in the batch of this reference, each tried again once.",
    ),
]
Resume = Annotated[
    str | None,
    typer.Option(
        "--resume",
        metavar="REFERENCE",
        help="Finish the batch that has this reference.",
    ),
]

# Mode is an option of its own: it is for orders that are named, too.
_FIELDS = {field.name: field for field in FILTER_FIELDS if field.kind is not Kind.MODE}
_PREFIX = "where_"


def takes_order_filter(command: F) -> F:
    """Give a command an option for each field of the filter, after its positional parameters.

    It gets them in `**options`, from which `filter_fields` takes them.
    """
    signature = inspect.signature(command)
    own = list(signature.parameters.values())
    place = sum(each.kind is each.POSITIONAL_OR_KEYWORD for each in own)
    fields = [
        inspect.Parameter(
            f"{_PREFIX}{field.name}",
            inspect.Parameter.KEYWORD_ONLY,
            default=False if field.kind is Kind.FLAG else None,
            annotation=_annotation(field),
        )
        for field in _FIELDS.values()
    ]
    made = signature.replace(parameters=[*own[:place], *fields, *own[place:]])
    command.__signature__ = made  # type: ignore[attr-defined]
    return command


def _annotation(field: FilterField) -> Any:
    given: dict[str, Any] = {"help": field.description, "metavar": field.metavar}
    if field.kind is Kind.FLAG:
        return Annotated[bool, typer.Option(field.flag, **given)]
    if field.kind is Kind.COUNT:
        return Annotated[int | None, typer.Option(field.flag, min=1, **given)]
    if field.kind is Kind.STATUSES:
        return Annotated[list[str] | None, typer.Option(field.flag, **given)]
    return Annotated[str | None, typer.Option(field.flag, **given)]


def require_one(chosen: dict[str, Any], fields: dict[str, Any]) -> None:
    """Raises `InvalidRequest` unless just one selection was given; a filter counts as one.

    `chosen` holds the other selections by what they are called, `fields` the filter's fields.
    """
    from order_factory.models.errors import InvalidRequest

    filtering = [_FIELDS[name].flag for name in fields if not _FIELDS[name].narrowing]
    narrowing = [_FIELDS[name].flag for name in fields if _FIELDS[name].narrowing]
    given = [name for name, value in chosen.items() if value]
    if filtering:
        given.append(filtering[0])
    if len(given) != 1:
        message = f"not {' and '.join(given)} together" if given else "none was given"
        raise InvalidRequest(
            f"Say which orders: give one of {', '.join(chosen)} or a filter such as "
            f"--placed-from; {message}."
        )
    if narrowing and not filtering and given != ["--all-orders"]:
        raise InvalidRequest(
            f"{' and '.join(narrowing)} cannot be given with {given[0]}, but with --all-orders or "
            "a filter such as --placed-from."
        )


def filter_fields(options: dict[str, Any]) -> dict[str, Any]:
    """Take the fields of the filter out of a command's options: those that were given."""
    found = {name: options.pop(f"{_PREFIX}{name}") for name in _FIELDS}
    return {name: value for name, value in found.items() if value not in (None, False, [])}


def order_filter(fields: dict[str, Any], must_fit: bool) -> "OrderFilter":
    """The filter; its customer is a public id.

    Raises `InvalidRequest` for a value that is none, and `SelectionInvalid` for a customer that
    does not exist, and if asked to where no order fits.
    """
    from pydantic import ValidationError

    from order_factory.models.database.engine import reading
    from order_factory.models.errors import InvalidRequest
    from order_factory.models.requests.order_filters import OrderFilter
    from order_factory.tasks.selections.filters import require_fit, resolve_customer

    try:
        wanted = OrderFilter(**fields)
    except ValidationError as error:
        message = [
            " ".join(
                [
                    *(_FIELDS[str(name)].flag for name in detail["loc"][:1]),
                    detail["msg"].removeprefix("Value error, "),
                ]
            )
            for detail in error.errors(include_input=False, include_url=False)
        ]
        raise InvalidRequest(f"{'; '.join(message)}.") from None
    with reading() as db:
        # By its id, for Prefect stores a flow's parameters: an email has no place there.
        wanted = resolve_customer(db, wanted)
        if must_fit:
            require_fit(db, wanted)
    return wanted
