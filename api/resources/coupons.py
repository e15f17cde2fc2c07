"""Coupons: the codes that give orders a promotion."""

from order_factory.api.resources import writables
from order_factory.api.resources.attributes import common, flag, integer, own_mode, text, time
from order_factory.api.resources.description import ResourceType
from order_factory.api.resources.events import no_events
from order_factory.models.tables import Coupon
from order_factory.models.values.public_ids import Resource as PublicIds
from order_factory.tasks.working_set.statements import table_of

COUPONS = ResourceType(
    "coupons",
    ids=PublicIds.coupons,
    table=table_of(Coupon),
    scope=own_mode,
    attributes=(
        text("code", nullable=False),
        flag("customer_single_use"),
        integer("usage_limit", meaning="Without one it can be used any number of times."),
        integer("usage_count", nullable=False),
        text("recipient_email"),
        time("expires_at"),
        *common(),
    ),
    relationships=(no_events(),),
    writables=(
        writables.flag("customer_single_use"),
        writables.integer("usage_limit", least=1),
        writables.email("recipient_email"),
        writables.time("expires_at"),
        *writables.common(),
    ),
    updatable=True,
    meaning="The codes that give orders a promotion.",
)
