"""Gift cards: prepaid balances that pay for orders."""

from uuid import uuid4

from sqlalchemy import Connection, select

from order_factory.api.resources import writables
from order_factory.api.resources.attributes import amount, common, flag, own_mode, text, time
from order_factory.api.resources.description import Broken, Hooks, ResourceType, Row, Values
from order_factory.api.resources.events import no_events
from order_factory.models.tables import GiftCard
from order_factory.models.tables.gift_cards import GiftCardStatus
from order_factory.models.values.keys import comparison_key
from order_factory.models.values.public_ids import Resource as PublicIds
from order_factory.tasks.working_set.statements import table_of

_card = table_of(GiftCard)
_ACTIVATE, _DEACTIVATE, _CHANGE = "_activate", "_deactivate", "balance_change_cents"


def _fill(db: Connection, mode: str, values: Values, known: Row | None) -> None:
    if known is None:
        _fill_new(db, mode, values)
        return
    if values.pop(_ACTIVATE, False) and known["status"] != GiftCardStatus.REDEEMED:
        values["status"] = GiftCardStatus.ACTIVE
    if values.pop(_DEACTIVATE, False):
        values["status"] = GiftCardStatus.INACTIVE
    change = values.pop(_CHANGE, None)
    if change:
        # Read again with a lock, because an order may have used the card since the row was read.
        is_own = select(_card).where(_card.c.id == known["id"]).with_for_update()
        card = db.execute(is_own).one()
        if card.balance_cents + change < 0:
            raise Broken(f"must not take more than the balance of {card.balance_cents}", _CHANGE)
        values["balance_cents"] = card.balance_cents + change
        values["other_changes_cents"] = card.other_changes_cents + change
        if card.status == GiftCardStatus.REDEEMED and change > 0 and not card.single_use:
            values.setdefault("status", GiftCardStatus.ACTIVE)


def _fill_new(db: Connection, mode: str, values: Values) -> None:
    values["mode"] = mode
    if not values.get("code"):
        values["code"] = str(uuid4())
    key = comparison_key(values["code"])
    same_cards = select(_card.c.id).where(_card.c.mode == mode, _card.c.code_key == key)
    if db.scalar(same_cards) is not None:
        raise Broken("has already been taken", "code")
    values["initial_balance_cents"] = values["balance_cents"]


GIFT_CARDS = ResourceType(
    "gift_cards",
    ids=PublicIds.gift_cards,
    table=_card,
    scope=own_mode,
    attributes=(
        text("status", nullable=False, one_of=tuple(GiftCardStatus)),
        text("code", nullable=False),
        text("currency_code", nullable=False),
        *amount("initial_balance", nullable=False),
        *amount("balance", nullable=False),
        flag("single_use"),
        time("expires_at"),
        *common(),
    ),
    relationships=(no_events(),),
    writables=(
        writables.text("code", update=False, meaning="Left out, a random one."),
        writables.currency("currency_code", update=False, required=True, nullable=False),
        writables.integer("balance_cents", least=0, update=False, required=True, nullable=False),
        writables.integer(
            _CHANGE,
            create=False,
            nullable=False,
            meaning="Added to the balance; below zero, taken from it.",
        ),
        writables.flag("single_use"),
        writables.time("expires_at"),
        writables.flag(_ACTIVATE, create=False, meaning="It can pay."),
        writables.flag(_DEACTIVATE, create=False, meaning="It no longer pays."),
        *writables.common(),
    ),
    creatable=True,
    updatable=True,
    hooks=Hooks(fill=_fill),
    meaning="Prepaid balances that pay for orders.",
)
