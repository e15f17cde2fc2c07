"""The copy options. Each is declared here and nowhere else.

`CopyOptionArguments` produces the columns of the tables, the parameters of the flows and their
forms, the options of the command line, the columns of files, the attributes of the API, and the
table in the documentation. A new option needs a declaration here, a migration, its behaviour, and a
check in `verify`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from order_factory.models.values.copy_changes import (
    OF_ADDED_LINES,
    OF_CURRENCIES,
    OF_CUSTOMERS,
    OF_ORDERS,
    OF_QUANTITIES,
    OF_SWAPS,
    clean_added_lines,
    clean_address,
    clean_currency,
    clean_customer,
    clean_market,
    clean_notes,
    clean_order,
    clean_quantities,
    clean_swaps,
)
from order_factory.models.values.gift_card_policies import GiftCardPolicy
from order_factory.models.values.kept_parts import (
    DEFAULT,
    KEEP_METADATA_VALUES,
    KeepReferences,
    clean_keep_metadata,
)
from order_factory.models.values.line_rules import REPEAT_SKUS_VALUES, clean_repeat_skus
from order_factory.models.values.payment_source_fallbacks import PaymentSourceFallback
from order_factory.models.values.public_ids import Resource
from order_factory.models.values.stock_policies import StockPolicy


@dataclass(frozen=True)
class Declared:
    """The default of an option, and a description that fits a form and a help text.

    `on_subscriptions` is the default of subscriptions, if it differs. An option that is `ours` is
    not in Commerce Layer's API reference. A text or an object has `forms`, which are examples of
    its values, and `clean`, which returns the value to store or raises `ValueError`. A `change`
    makes the copy differ from its source. It belongs to one copy, and subscriptions have none. A
    change that `names` a row of a resource is stored with the row's key, not its public id.

    The value of an order option differs from that of the source order in these `order_columns`.
    An option that is `only_for_new_orders` cannot be combined with `merge_into`.
    """

    default: bool | StrEnum | str | None
    description: str
    on_subscriptions: bool | StrEnum | str | None = None
    ours: bool = False
    forms: tuple[str, ...] = ()
    clean: Callable[[Any], Any] | None = None
    change: bool = False
    names: Resource | None = None
    order_columns: tuple[str, ...] = ()
    only_for_new_orders: bool = False


class CopyOptionArguments(TypedDict, total=False):
    """The copy options as keyword arguments, in the order in which people see them.

    A type is `bool`, a `StrEnum`, or `str` or `dict` with a rule. Source: Commerce Layer API
    reference, order copy object.
    """

    place_target_order: Annotated[
        bool,
        Declared(
            False,
            "Place the target order once it is copied.",
            on_subscriptions=True,
            only_for_new_orders=True,
        ),
    ]
    reuse_wallet: Annotated[
        bool, Declared(True, "Copy the payment source that is saved in the customer's wallet.")
    ]
    skip_errors: Annotated[
        bool, Declared(False, "Leave out what cannot be copied, and copy the rest.")
    ]
    cancel_source_order: Annotated[
        bool,
        Declared(False, "Cancel the source order once it is copied.", only_for_new_orders=True),
    ]
    apply_promotions: Annotated[
        bool,
        Declared(
            False,
            "Recalculate the promotions with those that are valid now.",
            only_for_new_orders=True,
        ),
    ]
    ignore_invalid_coupon: Annotated[
        bool, Declared(False, "Leave out a coupon that is no longer valid.")
    ]
    refresh_prices: Annotated[
        bool, Declared(False, "Give the line items today's prices of their SKUs.", ours=True)
    ]
    stock: Annotated[
        StockPolicy,
        Declared(
            StockPolicy.TAKE,
            "Take all pieces, take those that are left (partial), or ignore the stock (backorders).",
            ours=True,
        ),
    ]
    gift_cards: Annotated[
        GiftCardPolicy,
        Declared(
            GiftCardPolicy.REUSE,
            "Pay with the rest of the gift card, leave it out, or fail if it has too little.",
            ours=True,
        ),
    ]
    payment_source_fallback: Annotated[
        PaymentSourceFallback,
        Declared(
            PaymentSourceFallback.DEFAULT,
            "What pays if the saved payment source is gone or expired: newest_valid, or nothing (off).",
            ours=True,
        ),
    ]
    keep_metadata: Annotated[
        str,
        Declared(
            DEFAULT,
            "Which metadata is copied: all, none, or some keys (keys:a,b).",
            ours=True,
            forms=KEEP_METADATA_VALUES,
            clean=clean_keep_metadata,
        ),
    ]
    keep_references: Annotated[
        KeepReferences,
        Declared(
            KeepReferences.DEFAULT,
            "Whether reference and reference_origin are copied: none or all.",
            ours=True,
        ),
    ]
    repeat_skus: Annotated[
        str,
        Declared(
            DEFAULT,
            "SKUs that are left out (once) or get today's price (recompute): GIFT=once.",
            ours=True,
            forms=REPEAT_SKUS_VALUES,
            clean=clean_repeat_skus,
        ),
    ]
    any_source_status: Annotated[
        bool, Declared(False, "Copy a draft or cancelled source order, too.", ours=True)
    ]
    quantities: Annotated[
        dict[str, Any] | str | None,
        Declared(
            None,
            "Other quantities, by SKU code: MUG=3,CAP=0. A line with the quantity 0 is left out.",
            ours=True,
            forms=OF_QUANTITIES,
            clean=clean_quantities,
            change=True,
        ),
    ]
    swap_skus: Annotated[
        dict[str, Any] | str | None,
        Declared(
            None,
            "Other SKUs in place of those of the source: OLD=NEW. They have today's prices.",
            ours=True,
            forms=OF_SWAPS,
            clean=clean_swaps,
            change=True,
        ),
    ]
    add_lines: Annotated[
        dict[str, Any] | str | None,
        Declared(
            None,
            "Lines to add, by SKU code: CAP=2. They have today's prices.",
            ours=True,
            forms=OF_ADDED_LINES,
            clean=clean_added_lines,
            change=True,
        ),
    ]
    target_customer: Annotated[
        str | None,
        Declared(
            None,
            "Another customer for the copy, by email or id. The wallet is that customer's.",
            ours=True,
            forms=OF_CUSTOMERS,
            clean=clean_customer,
            change=True,
            names=Resource.customers,
            order_columns=("customer_id",),
        ),
    ]
    target_billing_address: Annotated[
        str | None,
        Declared(
            None,
            "Another billing address for the copy, by its reference or id; it is copied.",
            ours=True,
            clean=clean_address,
            change=True,
            names=Resource.addresses,
            only_for_new_orders=True,
        ),
    ]
    target_shipping_address: Annotated[
        str | None,
        Declared(
            None,
            "Another shipping address for the copy, by its reference or id; it is copied.",
            ours=True,
            clean=clean_address,
            change=True,
            names=Resource.addresses,
            only_for_new_orders=True,
        ),
    ]
    target_market: Annotated[
        str | None,
        Declared(
            None,
            "Another market for the copy.",
            ours=True,
            clean=clean_market,
            change=True,
            order_columns=("market_name",),
        ),
    ]
    target_currency: Annotated[
        str | None,
        Declared(
            None,
            "Another currency for the copy, with refresh_prices: its lines have that price list.",
            ours=True,
            forms=OF_CURRENCIES,
            clean=clean_currency,
            change=True,
            order_columns=("currency_code",),
        ),
    ]
    target_notes: Annotated[
        str | None,
        Declared(
            None,
            "Other notes for the copy, such as a wish for the delivery.",
            ours=True,
            clean=clean_notes,
            change=True,
            order_columns=("notes",),
            only_for_new_orders=True,
        ),
    ]
    merge_into: Annotated[
        str | None,
        Declared(
            None,
            "Add the lines to this draft or pending order (number or id) and make no other order.",
            ours=True,
            forms=OF_ORDERS,
            clean=clean_order,
            change=True,
            names=Resource.orders,
        ),
    ]


@dataclass(frozen=True)
class CopyOption:
    """One declared option; `type` is `bool`, the `StrEnum` of its values, `str`, or `dict`."""

    name: str
    type: type[bool] | type[StrEnum] | type[str] | type[dict[str, Any]]
    default: bool | StrEnum | str | None
    description: str
    default_of_subscriptions: bool | StrEnum | str | None
    ours: bool
    forms: tuple[str, ...]
    clean: Callable[[Any], Any] | None
    change: bool
    names: Resource | None
    order_columns: tuple[str, ...]
    only_for_new_orders: bool

    @property
    def title(self) -> str:
        """The name for people, such as `Place target order`."""
        return self.name.replace("_", " ").capitalize()

    @property
    def values(self) -> tuple[str, ...]:
        """The values of a choice. A flag and a text have none."""
        return tuple(map(str, self.type)) if issubclass(self.type, StrEnum) else ()

    @property
    def annotation(self) -> Any:
        """The type with the rule of a text or an object, for pydantic.

        A form has a text for an object, as `clean` reads it.
        """
        if self.clean is None:
            return self.type
        if not self.change:
            return Annotated[self.type, AfterValidator(self.clean)]
        text = WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "null"}]})
        return Annotated[self.type | None, BeforeValidator(self.clean), text]


def _find_type(annotation: Any) -> Any:
    """Return the type of an option. A change may also be None, and an object may be a text."""
    choices = get_args(annotation)
    return get_origin(choices[0]) or choices[0] if choices else annotation


def _make_option(name: str, annotation: Any) -> CopyOption:
    (declared,) = annotation.__metadata__
    of_subscriptions = declared.on_subscriptions
    return CopyOption(
        name=name,
        type=_find_type(annotation.__origin__),
        default=declared.default,
        description=declared.description,
        default_of_subscriptions=(
            declared.default if of_subscriptions is None else of_subscriptions
        ),
        ours=declared.ours,
        forms=declared.forms,
        clean=declared.clean,
        change=declared.change,
        names=declared.names,
        order_columns=declared.order_columns,
        only_for_new_orders=declared.only_for_new_orders,
    )


EVERY_OPTION = tuple(
    _make_option(name, annotation)
    for name, annotation in get_type_hints(CopyOptionArguments, include_extras=True).items()
)
# The options that copies and subscriptions have, and those that change one copy.
COPY_OPTIONS = tuple(option for option in EVERY_OPTION if not option.change)
COPY_CHANGES = tuple(option for option in EVERY_OPTION if option.change)
# Their names.
OPTIONS = tuple(option.name for option in COPY_OPTIONS)
CHANGES = tuple(option.name for option in COPY_CHANGES)
LINE_CHANGES = ("quantities", "swap_skus", "add_lines")
ORDER_CHANGES = tuple(name for name in CHANGES if name not in LINE_CHANGES)
