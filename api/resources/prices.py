"""Prices: the current price of each SKU, one per currency."""

from order_factory.api.resources.attributes import amount, common, own_mode, text
from order_factory.api.resources.description import Relationship, ResourceType
from order_factory.api.resources.sku_codes import SKU_CODE, derive_sku_code
from order_factory.models.tables import Price
from order_factory.models.values.public_ids import Resource as PublicIds
from order_factory.tasks.working_set.statements import table_of

PRICES = ResourceType(
    "prices",
    ids=PublicIds.prices,
    table=table_of(Price),
    scope=own_mode,
    attributes=(
        SKU_CODE,
        text("currency_code", nullable=False),
        *amount("amount", nullable=False),
        *amount("compare_at_amount"),
        *common(),
    ),
    derive=derive_sku_code,
    relationships=(Relationship("sku", "skus", near="sku_id"),),
    meaning="The current prices of the SKUs.",
)
