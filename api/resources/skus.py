"""SKUs, the products of the shop, and their stock."""

from sqlalchemy import Connection, select

from order_factory.api.resources import writables
from order_factory.api.resources.attributes import common, flag, integer, own_mode, text
from order_factory.api.resources.description import (
    Broken,
    Hooks,
    Relationship,
    ResourceType,
    Row,
    Values,
)
from order_factory.api.resources.events import no_events
from order_factory.api.resources.sku_codes import SKU_CODE, derive_sku_code
from order_factory.models.tables import Sku, StockItem
from order_factory.models.values.public_ids import Resource as PublicIds
from order_factory.tasks.working_set.statements import table_of

_stock = table_of(StockItem)

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
    relationships=(
        Relationship("prices", "prices", near="id", far="sku_id", many=True),
        Relationship("stock_items", "stock_items", near="id", far="sku_id", many=True),
        no_events(),
    ),
    writables=(
        writables.text("name", required=True, nullable=False),
        writables.text("description", longest=writables.LONG_TEXT),
        writables.text("image_url"),
        writables.flag("do_not_ship"),
        writables.flag("do_not_track"),
        writables.flag("purchasable"),
        *writables.common(),
    ),
    updatable=True,
    meaning="The catalogue.",
)


def _fill_stock(db: Connection, _mode: str, values: Values, known: Row | None) -> None:
    """Refuse a quantity below the reserved one."""
    assert known is not None
    if "quantity" not in values:
        return
    # Locked, because a run may be reserving stock now.
    statement = select(_stock.c.reserved).where(_stock.c.id == known["id"]).with_for_update()
    reserved = db.scalar(statement) or 0
    if values["quantity"] < reserved:
        raise Broken(f"must be {reserved} or more: {reserved} are reserved for orders", "quantity")


STOCK_ITEMS = ResourceType(
    "stock_items",
    ids=PublicIds.stock_items,
    table=_stock,
    scope=own_mode,
    attributes=(
        SKU_CODE,
        integer("quantity", nullable=False),
        integer("reserved", nullable=False, meaning="Ours: held for orders that are being placed."),
        text("stock_location", nullable=False, meaning="Ours: the code of the location."),
        *common(),
    ),
    relationships=(Relationship("sku", "skus", near="sku_id"),),
    writables=(
        writables.integer("quantity", least=0, required=True, nullable=False),
        *writables.common(),
    ),
    updatable=True,
    derive=derive_sku_code,
    hooks=Hooks(fill=_fill_stock),
    meaning="The pieces of a SKU at one stock location.",
)
