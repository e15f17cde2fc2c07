"""The options that say which orders `order-factory bulk` copies, and what they add up to."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from order_factory.models.values.copy_options import OPTIONS

if TYPE_CHECKING:
    from order_factory.models.requests.order_filters import OrderFilter


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
Customer = Annotated[
    str | None,
    typer.Option(
        "--customer",
        metavar="CUSTOMER",
        help="Orders of this customer: an email or a public id.",
    ),
]
Statuses = Annotated[
    list[str] | None,
    typer.Option(
        "--status",
        metavar="STATUS",
        help="Orders with this status; give it once per status.",
        show_default="placed, approved",
    ),
]
PlacedFrom = Annotated[
    str | None,
    typer.Option(
        "--placed-from",
        metavar="TIME",
        help="Orders placed then or later: 2026-01-31, or 2026-01-31T18:00:00Z; UTC.",
    ),
]
PlacedBefore = Annotated[
    str | None,
    typer.Option(
        "--placed-before",
        metavar="TIME",
        help="Orders placed earlier than that.",
    ),
]
Market = Annotated[
    str | None,
    typer.Option(
        "--market",
        metavar="NAME",
        help="Orders of this market.",
    ),
]
SkuCode = Annotated[
    str | None,
    typer.Option(
        "--sku",
        metavar="CODE",
        help="Orders of which a line has this SKU.",
    ),
]
OrderReference = Annotated[
    str | None,
    typer.Option(
        "--order-reference",
        metavar="TEXT",
        help="Orders that bear this reference.",
    ),
]
IncludeCopies = Annotated[
    bool,
    typer.Option(
        "--include-copies",
        help="Orders that are themselves copies, too; with another option of these.",
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(
        "--limit",
        min=1,
        metavar="N",
        help="Only the earliest so many, of all or of those that fit.",
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

# What each field of the filter is called on the command line.
_OPTIONS = {
    "customer": "--customer",
    "status": "--status",
    "placed_from": "--placed-from",
    "placed_before": "--placed-before",
    "market": "--market",
    "sku": "--sku",
    "reference": "--order-reference",
    "include_copies": "--include-copies",
    "limit": "--limit",
}
# These narrow down what another option selects.
_NARROWING = ("include_copies", "limit")


def require_one(chosen: dict[str, Any], fields: dict[str, Any]) -> None:
    """Raises `InvalidRequest` unless just one selection was given; a filter counts as one.

    `chosen` holds the other selections by what they are called, `fields` the filter's fields.
    """
    from order_factory.models.errors import InvalidRequest

    filtering = [_OPTIONS[name] for name in fields if name not in _NARROWING]
    narrowing = [_OPTIONS[name] for name in fields if name in _NARROWING]
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


def filter_fields(**options: Any) -> dict[str, Any]:
    """The fields of an `OrderFilter` that were given on the command line."""
    unset = {"include_copies": False}
    return {
        name: value
        for name, value in options.items()
        if value is not None and value != [] and value != unset.get(name)
    }


def order_filter(fields: dict[str, Any], must_fit: bool) -> "OrderFilter":
    """The filter; its customer is a public id.

    Raises `InvalidRequest` for a value that is none, and `SelectionInvalid` for a customer that
    does not exist, and if asked to where no order fits.
    """
    from pydantic import ValidationError

    from order_factory.models.database.engine import reading
    from order_factory.models.errors import InvalidRequest
    from order_factory.models.requests.order_filters import OrderFilter
    from order_factory.tasks.selections.filters import require_fit, settle_customer

    try:
        wanted = OrderFilter(**fields)
    except ValidationError as error:
        message = [
            " ".join(
                [
                    *(_OPTIONS[str(name)] for name in detail["loc"][:1]),
                    detail["msg"].removeprefix("Value error, "),
                ]
            )
            for detail in error.errors(include_input=False, include_url=False)
        ]
        raise InvalidRequest(f"{'; '.join(message)}.") from None
    with reading() as db:
        # By its id, for Prefect stores a flow's parameters: an email has no place there.
        wanted = settle_customer(db, wanted)
        if must_fit:
            require_fit(db, wanted)
    return wanted
