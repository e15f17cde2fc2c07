"""SKUs: what the shop sells."""

from api.resources.attributes import common, flag, own_mode, text
from api.resources.description import ResourceType
from models import Sku
from models.public_ids import Resource as PublicIds
from tasks.inserts import table_of

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
