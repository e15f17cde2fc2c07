"""Authorizations, captures, voids and refunds: requests to a payment gateway about an order.

The tokens of the gateway are not shown.
"""

from operator import itemgetter

from sqlalchemy import ColumnElement, FromClause, and_

from order_factory.api.resources.attributes import amount, common, computed, own_mode, text
from order_factory.api.resources.description import (
    Attribute,
    Hooks,
    Relationship,
    ResourceType,
    Row,
    Scope,
    Type,
    Writable,
)
from order_factory.api.resources.events import events_of, no_events
from order_factory.api.resources.transaction_triggers import (
    AUTHORIZATION_TRIGGERS,
    CAPTURE_TRIGGERS,
    act_on_authorization,
    act_on_capture,
)
from order_factory.models.tables import Transaction
from order_factory.models.tables.transactions import TransactionStatus, TransactionType
from order_factory.models.values.public_ids import Resource as PublicIds
from order_factory.models.values.public_ids import public_id
from order_factory.tasks.working_set.statements import table_of


def _has_succeeded(row: Row) -> bool:
    return bool(row["status"] == TransactionStatus.SUCCEEDED)


def _number(row: Row) -> str:
    return public_id(PublicIds.transactions, row["id"])


def _make_scope(kind: TransactionType) -> Scope:
    def scope(row: FromClause, mode: str) -> ColumnElement[bool]:
        return and_(row.c.mode == mode, row.c.type == kind)

    return scope


def _resource(
    kind: TransactionType | None,
    meaning: str,
    *relationships: Relationship,
    attributes: tuple[Attribute, ...] = (),
    triggers: tuple[Writable, ...] = (),
    hooks: Hooks | None = None,
) -> ResourceType:
    """Return the resource of one kind of transactions, or of all kinds."""
    return ResourceType(
        kind.value if kind is not None else "transactions",
        ids=PublicIds.transactions,
        table=table_of(Transaction),
        scope=_make_scope(kind) if kind is not None else own_mode,
        attributes=(
            computed("number", Type.TEXT, _number, nullable=False, meaning="The same as the id."),
            text(
                "status",
                nullable=False,
                one_of=tuple(TransactionStatus),
                meaning="Ours: unknown until the gateway's answer is stored.",
            ),
            computed("succeeded", Type.BOOLEAN, _has_succeeded, nullable=False),
            text("currency_code", nullable=False),
            *amount("amount", nullable=False),
            text("message", meaning="The gateway's words."),
            text("error_code"),
            *attributes,
            *common(),
        ),
        relationships=(
            Relationship("order", "orders", near="order_id"),
            *relationships,
            no_events() if kind is None else events_of(kind.value),
        ),
        writables=triggers,
        updatable=bool(triggers),
        hooks=hooks or Hooks(),
        meaning=meaning,
    )


def _about(name: str) -> Relationship:
    return Relationship(name, name, near="id", far="authorization_id", many=True)


_AUTHORIZATION = Relationship("reference_authorization", "authorizations", near="authorization_id")

AUTHORIZATIONS = _resource(
    TransactionType.AUTHORIZATIONS,
    "Amounts that a gateway reserved for an order, or refused to.",
    *(_about(each.value) for each in (TransactionType.CAPTURES, TransactionType.VOIDS)),
    attributes=(
        Attribute(
            "customer_action",
            Type.TEXT,
            itemgetter("customer_action"),
            meaning="Ours: a link or a client secret of the gateway, with which the shop lets the "
            "customer confirm the payment. Null for tokens that may only read.",
            secret=True,
        ),
    ),
    triggers=AUTHORIZATION_TRIGGERS,
    hooks=Hooks(act=act_on_authorization),
)
CAPTURES = _resource(
    TransactionType.CAPTURES,
    "Authorized amounts that were charged.",
    _AUTHORIZATION,
    Relationship("refunds", "refunds", near="id", far="capture_id", many=True),
    triggers=CAPTURE_TRIGGERS,
    hooks=Hooks(act=act_on_capture),
)
VOIDS = _resource(TransactionType.VOIDS, "Authorizations that were taken back.", _AUTHORIZATION)
REFUNDS = _resource(
    TransactionType.REFUNDS,
    "Captured amounts that were given back.",
    Relationship("reference_capture", "captures", near="capture_id"),
)
TRANSACTIONS = _resource(
    None, "All of them: authorizations, captures, voids and refunds, under the same ids."
)
