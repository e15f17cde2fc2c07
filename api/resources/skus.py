"""SKUs: what the shop sells."""

from order_factory.api.resources.attributes import common, flag, own_mode, text
from order_factory.api.resources.description import ResourceType
from order_factory.models.tables import Sku
from order_factory.models.values.public_ids import Resource as PublicIds
from order_factory.tasks.working_set.statements import table_of

SKUS = ResourceType(
    "skus",
    ids=PublicIds.skus,
    table=table_of(Sku),
    scope=own_mode,
    attributes=(
        text("code", nullable=False),
        text("name", nullable=False),
        text("description"),
        text("image_url"),
        flag("do_not_ship"),
        flag("do_not_track", meaning="The SKU is never short."),
        flag("purchasable", meaning="Ours: it is for sale."),
        *common(),
    ),
    meaning="The catalogue.",
)
