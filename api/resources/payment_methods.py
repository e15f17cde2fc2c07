"""Payment methods: the ways to pay that the shop offers."""

from sqlalchemy import Connection

from order_factory.api.resources import writables
from order_factory.api.resources.attributes import amount, common, own_mode, text, time
from order_factory.api.resources.description import Hooks, ResourceType, Row, Values
from order_factory.models.tables import PaymentMethod
from order_factory.models.tables.base import utc_now
from order_factory.models.values.public_ids import Resource as PublicIds
from order_factory.tasks.working_set.statements import table_of

_DISABLE, _ENABLE = "_disable", "_enable"


def _fill(_db: Connection, _mode: str, values: Values, known: Row | None) -> None:
    """Convert the triggers to the time at which the method is disabled."""
    assert known is not None
    if values.pop(_DISABLE, False):
        values["disabled_at"] = known["disabled_at"] or utc_now()
    if values.pop(_ENABLE, False):
        values["disabled_at"] = None


PAYMENT_METHODS = ResourceType(
    "payment_methods",
    ids=PublicIds.payment_methods,
    table=table_of(PaymentMethod),
    scope=own_mode,
    attributes=(
        text("name"),
        text("payment_source_type", nullable=False),
        text("currency_code"),
        *amount("price_amount", nullable=False),
        time("disabled_at"),
        *common(),
    ),
    writables=(
        writables.text("name"),
        writables.integer("price_amount_cents", least=0, nullable=False),
        writables.flag(_DISABLE, meaning="No copy is paid with it any more."),
        writables.flag(_ENABLE, meaning="It can be paid with again."),
        *writables.common(),
    ),
    updatable=True,
    hooks=Hooks(fill=_fill),
    meaning="The ways to pay that the shop offers.",
)
