"""Record the errors of orders: one INSERT ... SELECT per kind of error."""

from collections.abc import Sequence

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Insert,
    Select,
    and_,
    exists,
    literal,
    not_,
    null,
    or_,
    select,
)

from order_factory.models.tables import CopyError
from order_factory.models.values.error_codes import ErrorCode
from order_factory.models.values.stock_policies import StockPolicy
from order_factory.tasks.working_set.statements import insert_counted, table_of
from order_factory.tasks.working_set.tables import copies

Join = tuple[FromClause, ColumnElement[bool]]
# With `stock = partial`, these errors do not prevent the copy.
STOCK_CODES = (ErrorCode.NOT_ENOUGH_STOCK, ErrorCode.QUANTITY_REDUCED)


def select_any_copy(condition: ColumnElement[bool]) -> Select[tuple[bool]]:
    """Select whether the condition holds for any current copy.

    A batch without errors skips most of the statements that record errors this way.
    """
    return select(exists().select_from(copies).where(condition))


def has_fatal_error() -> ColumnElement[bool]:
    """Return whether the copy has an error that prevents it unless it skips errors."""
    is_made_anyway = or_(
        CopyError.code == ErrorCode.QUANTITY_REDUCED,
        and_(copies.c.stock == StockPolicy.PARTIAL, CopyError.code.in_(STOCK_CODES)),
    )
    fatal = exists().where(CopyError.order_factory_id == copies.c.factory_id)
    return fatal.where(not_(is_made_anyway)).correlate_except(CopyError)


def insert_errors(
    code: ErrorCode,
    message: str | ColumnElement[str],
    *where: ColumnElement[bool],
    field: str | ColumnElement[str] | None = None,
    joins: Sequence[Join] = (),
    outer: Sequence[Join] = (),
    line_item_id: ColumnElement[int] | None = None,
    sku_code: ColumnElement[str | None] | None = None,
) -> Insert:
    """Insert a `copy_errors` row per current copy (or line) that meets the conditions.

    `field` is the key in `errors_log`, if it is not the usual one of the code. `sku_code` is the
    SKU with the error. `outer` are outer joins.
    """
    source: FromClause = copies
    for target, on in joins:
        source = source.join(target, on)
    for target, on in outer:
        source = source.outerjoin(target, on)
    line = null() if line_item_id is None else line_item_id
    text = (literal(message) if isinstance(message, str) else message).label("message")
    sku = null() if sku_code is None else sku_code
    rows = select(
        copies.c.factory_id,
        literal(code.key if field is None else field)
        if field is None or isinstance(field, str)
        else field,
        literal(code.value),
        text,
        line,
        sku,
    )
    rows = rows.select_from(source).where(*where)
    # The messages of a factory are in errors_log in the order in which they are inserted here.
    rows = rows.order_by(copies.c.factory_id, text if line_item_id is None else line_item_id)
    names = ["order_factory_id", "field", "code", "message", "line_item_id", "sku_code"]
    return insert_counted(table_of(CopyError), names, rows)
