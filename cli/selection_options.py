"""The options that select the orders of `order-factory bulk`."""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from order_factory.models.values.copy_options import CHANGES, OPTIONS
from order_factory.models.values.order_filter_fields import FILTER_FIELDS, FilterField, Kind

if TYPE_CHECKING:
    from order_factory.models.requests.order_filters import OrderFilter

F = TypeVar("F", bound=Callable[..., Any])

File = Annotated[
    str | None,
    typer.Argument(
        metavar="FILE",
        help="A .csv, .xlsx, .parquet or .jsonl file with the column source_order. Optional "
        f"columns: {', '.join((*OPTIONS, *CHANGES))}, reference, reference_origin, metadata.",
        show_default=False,
    ),
]
OrderNames = Annotated[
    list[str] | None,
    typer.Option(
        "--order",
        metavar="ORDER",
        help="Number or id of an order. Repeatable.",
    ),
]
AllOrders = Annotated[
    bool,
    typer.Option(
        "--all-orders",
        help="Copy all placed and approved orders that are not copies themselves.",
    ),
]
FailedOf = Annotated[
    str | None,
    typer.Option(
        "--failed-of",
        metavar="REFERENCE",
        help="Retry the failed copies of the batch with this reference, each once.",
    ),
]
Resume = Annotated[
    str | None,
    typer.Option(
        "--resume",
        metavar="REFERENCE",
        help="Finish the batch with this reference.",
    ),
]

# The mode has its own option, because it also applies to orders given by number.
_FIELDS = {field.name: field for field in FILTER_FIELDS if field.kind is not Kind.MODE}
_PREFIX = "where_"
# The help of a field for one command, if its general description does not fit.
_HELP = {
    ("place", "status"): "Only pending orders are placed, so this is not needed.",
    ("capture", "status"): "Orders with one of these statuses; placed and approved unless given.",
}


def add_order_filter(command: F) -> F:
    """Add an option for each field of the filter to a command, after its positional parameters.

    The command gets them in `**options`; `filter_fields` takes them from there.
    """
    signature = inspect.signature(command)
    # If the command has no copy options, its signature still has `**options`.
    own = [each for each in signature.parameters.values() if each.kind is not each.VAR_KEYWORD]
    index = sum(each.kind is each.POSITIONAL_OR_KEYWORD for each in own)
    fields = [
        inspect.Parameter(
            f"{_PREFIX}{field.name}",
            inspect.Parameter.KEYWORD_ONLY,
            default=False if field.kind is Kind.FLAG else None,
            annotation=_make_annotation(
                field, _HELP.get((command.__name__, field.name), field.description)
            ),
        )
        for field in _FIELDS.values()
    ]
    extended = signature.replace(parameters=[*own[:index], *fields, *own[index:]])
    command.__signature__ = extended  # type: ignore[attr-defined]
    return command


def _make_annotation(field: FilterField, description: str) -> Any:
    given: dict[str, Any] = {"help": description, "metavar": field.metavar}
    if field.kind is Kind.FLAG:
        return Annotated[bool, typer.Option(field.flag, **given)]
    if field.kind is Kind.COUNT:
        return Annotated[int | None, typer.Option(field.flag, min=1, **given)]
    if field.kind is Kind.STATUSES:
        return Annotated[list[str] | None, typer.Option(field.flag, **given)]
    return Annotated[str | None, typer.Option(field.flag, **given)]


def require_one(chosen: dict[str, Any], fields: dict[str, Any]) -> None:
    """Raise `InvalidRequest` unless exactly one selection is given; a filter counts as one.

    `chosen` maps the names of the other selections to their values, `fields` is the filter.
    """
    from order_factory.models.errors import InvalidRequest

    filtering = [_FIELDS[name].flag for name in fields if not _FIELDS[name].narrowing]
    narrowing = [_FIELDS[name].flag for name in fields if _FIELDS[name].narrowing]
    given = [name for name, value in chosen.items() if value]
    if filtering:
        given.append(filtering[0])
    if len(given) != 1:
        problem = f"not {' and '.join(given)} together" if given else "none is given"
        raise InvalidRequest(
            f"Choose the orders: give one of {', '.join(chosen)} or a filter such as "
            f"--placed-from; {problem}."
        )
    if narrowing and not filtering and given != ["--all-orders"]:
        raise InvalidRequest(
            f"{' and '.join(narrowing)} cannot be given with {given[0]}. Use --all-orders or a "
            "filter such as --placed-from."
        )


def filter_fields(options: dict[str, Any]) -> dict[str, Any]:
    """Remove the filter's fields from a command's options, and return those that are set."""
    values = {name: options.pop(f"{_PREFIX}{name}") for name in _FIELDS}
    return {name: value for name, value in values.items() if value not in (None, False, [])}


def order_filter(fields: dict[str, Any], must_fit: bool) -> "OrderFilter":
    """The filter, with the customer as a public id.

    Raises `InvalidRequest` for an invalid value, and `SelectionInvalid` for an unknown customer.
    With `must_fit`, also raises it when no order matches.
    """
    from pydantic import ValidationError

    from order_factory.models.database.engine import reading
    from order_factory.models.errors import InvalidRequest
    from order_factory.models.requests.order_filters import OrderFilter
    from order_factory.models.requests.problems import list_problems
    from order_factory.tasks.selections.filters import require_match, resolve_customer

    try:
        order_filter_ = OrderFilter(**fields)
    except ValidationError as error:
        problems = [
            " ".join(
                [
                    *(_FIELDS[str(name)].flag for name in problem.place[:1]),
                    problem.message,
                ]
            )
            for problem in list_problems(error)
        ]
        raise InvalidRequest(f"{'; '.join(problems)}.") from None
    with reading() as db:
        # Use the id: Prefect stores a flow's parameters, which must not contain an email.
        order_filter_ = resolve_customer(db, order_filter_)
        if must_fit:
            require_match(db, order_filter_)
    return order_filter_
