"""The code of the SKU that a row belongs to."""

from collections.abc import Sequence
from operator import itemgetter

from sqlalchemy import Connection, bindparam, select

from order_factory.api.resources.attributes import computed
from order_factory.api.resources.description import Row, Type
from order_factory.models.database.quick_select import QuickSelect
from order_factory.models.tables import Sku

_CODES = QuickSelect(select(Sku.id, Sku.code).where(Sku.id.in_(bindparam("skus", expanding=True))))
SKU_CODE = computed("sku_code", Type.TEXT, itemgetter("sku_code"), nullable=False)


def add_sku_codes(db: Connection, rows: Sequence[Row]) -> None:
    """Set `sku_code` of rows with a `sku_id`."""
    rows_found = _CODES.rows(db, {"skus": list({row["sku_id"] for row in rows})})
    codes = {each["id"]: each["code"] for each in rows_found}
    for row in rows:
        row["sku_code"] = codes[row["sku_id"]]
