"""The code of the SKU that a row belongs to."""

from operator import itemgetter
from typing import Any

from sqlalchemy import FromClause, Label, select

from order_factory.api.resources.attributes import computed
from order_factory.api.resources.description import Type
from order_factory.models.tables import Sku

SKU_CODE = computed("sku_code", Type.TEXT, itemgetter("sku_code"), nullable=False)


def derive_sku_code(table: FromClause) -> Label[Any]:
    """Return the column `sku_code` for a table with a `sku_id`."""
    code = select(Sku.code).where(Sku.id == table.c.sku_id).correlate(table)
    return code.scalar_subquery().label("sku_code")
