"""The checks of line items: first per SKU, then per line with a flagged SKU."""

from collections.abc import Sequence

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Insert,
    String,
    and_,
    case,
    cast,
    exists,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
)

from order_factory.models.tables import CopyError, LineItem, Order
from order_factory.models.values.error_codes import ErrorCode
from order_factory.models.values.statuses import SHIPPABLE, ItemType
from order_factory.tasks.copying.changed_orders import UNPRICED_LINES
from order_factory.tasks.copying.prices import find_prices
from order_factory.tasks.stock.bundles import is_part_left_out
from order_factory.tasks.working_set.copy_errors import Join, insert_errors
from order_factory.tasks.working_set.line_rules import is_recomputed
from order_factory.tasks.working_set.line_totals import is_left_out
from order_factory.tasks.working_set.statements import execute_and_count, table_of
from order_factory.tasks.working_set.tables import (
    bundle_parts,
    copies,
    flagged_skus,
    left_out_lines,
    line_sums,
)

_line, _source, _error = table_of(LineItem), table_of(Order), table_of(CopyError)

_lines_of_copy = (_line, _line.c.order_id == copies.c.source_order_id)
_names_a_sku = _line.c.item_type == ItemType.SKUS
# A line of type `skus` without a code has no SKU in the catalogue.
_code = func.coalesce(_line.c.sku_code, "")
# The name of the line in messages.
_label = case(
    (_line.c.sku_code.is_not(None), literal("SKU ") + _line.c.sku_code),
    else_=literal("line ") + func.coalesce(_line.c.bundle_code, _line.c.name, _line.c.item_type),
)

_of_its_sku = (flagged_skus, flagged_skus.c.sku_code == _code)
_is_gone = flagged_skus.c.sku_id.is_(None)
_is_barred = and_(not_(_is_gone), not_(flagged_skus.c.purchasable))

_NO_LINE = insert_errors(
    ErrorCode.LINE_ITEMS_MISSING,
    "the order has no line item",
    not_(exists().where(line_sums.c.factory_id == copies.c.factory_id)),
)


def _insert_line_errors(
    code: ErrorCode,
    message: ColumnElement[str],
    *where: ColumnElement[bool],
    joins: Sequence[Join],
) -> Insert:
    """Insert an error for each line that meets the conditions and is not left out."""
    return insert_errors(
        code,
        message,
        *where,
        not_(is_left_out()),
        joins=joins,
        line_item_id=_line.c.id,
        sku_code=_line.c.sku_code,
    )


_BELOW_ONE = _insert_line_errors(
    ErrorCode.QUANTITY_BELOW_ONE,
    _label + ": the quantity " + cast(_line.c.quantity, String) + " is below 1",
    line_sums.c.quantities_below_one > 0,
    _line.c.quantity < 1,
    joins=[(line_sums, line_sums.c.factory_id == copies.c.factory_id), _lines_of_copy],
)
_GONE = _insert_line_errors(
    ErrorCode.SKU_NOT_IN_CATALOGUE,
    _label + " is no longer in the catalogue",
    _names_a_sku,
    _is_gone,
    joins=[_lines_of_copy, _of_its_sku],
)
_BARRED = _insert_line_errors(
    ErrorCode.SKU_NOT_PURCHASABLE,
    _label + " is not purchasable",
    _names_a_sku,
    _is_barred,
    joins=[_lines_of_copy, _of_its_sku],
)
# The same for the SKUs in the bundle of a line.
_part = literal("bundle ") + bundle_parts.c.bundle_code + ": SKU " + bundle_parts.c.sku_code
_parts_of_copy = (bundle_parts, bundle_parts.c.factory_id == copies.c.factory_id)
_of_part = (flagged_skus, flagged_skus.c.sku_code == bundle_parts.c.sku_code)


def _insert_part_errors(
    code: ErrorCode, message: ColumnElement[str], condition: ColumnElement[bool]
) -> Insert:
    """Insert an error for each SKU of a bundle that meets the condition and is not left out."""
    return insert_errors(
        code,
        message,
        condition,
        not_(is_part_left_out()),
        joins=[_parts_of_copy, _of_part],
        line_item_id=bundle_parts.c.line_item_id,
        sku_code=bundle_parts.c.sku_code,
    )


_PART_GONE = _insert_part_errors(
    ErrorCode.SKU_NOT_IN_CATALOGUE,
    _part + " is no longer in the catalogue",
    _is_gone,
)
_PART_BARRED = _insert_part_errors(
    ErrorCode.SKU_NOT_PURCHASABLE,
    _part + " is not purchasable",
    _is_barred,
)
_of_source = (_source, _source.c.id == copies.c.source_order_id)
_OTHER_CURRENCY = _insert_line_errors(
    ErrorCode.LINE_ITEM_OTHER_CURRENCY,
    _label + " is in " + _line.c.currency_code + ", and the order in " + _source.c.currency_code,
    line_sums.c.other_currency_lines > 0,
    _line.c.currency_code != _source.c.currency_code,
    joins=[(line_sums, line_sums.c.factory_id == copies.c.factory_id), _lines_of_copy, _of_source],
)
# If the tax of a line is not recalculated, its rate is not used.
_tax_is_recalculated = or_(
    and_(or_(copies.c.refresh_prices, is_recomputed(_line, copies.c.repeat_skus)), _names_a_sku),
    and_(copies.c.apply_promotions, _line.c.item_type.in_([*SHIPPABLE, ItemType.SHIPMENTS])),
)
_rate = func.coalesce(_line.c.tax_rate, _source.c.tax_rate)
_TAX_RATE = _insert_line_errors(
    ErrorCode.TAX_RATE_NOT_A_SHARE,
    _label
    + ": the tax rate is "
    + cast(cast(_rate * 100, BigInteger), String)
    + " percent; write 0.22 for 22 percent",
    _tax_is_recalculated,
    or_(_rate > 1, _rate < 0),
    _line.c.tax_amount_cents.is_not(None),
    joins=[_lines_of_copy, _of_source],
)


def check_line_items(
    db: Connection,
    *,
    lines: bool,
    flagged: bool,
    refresh_prices: bool,
    promotions: bool,
    bundles: bool,
    changed: bool,
    currencies: bool,
) -> int:
    """Record orders without lines, and lines that cannot be copied. Returns the number of errors.

    A line cannot be copied if its quantity is below 1, if its currency differs from the order's, or
    if its SKU (or a SKU of its bundle) is no longer in the catalogue or not purchasable. Today's
    prices and promotions also need a price and a tax rate from 0 to 1. `lines` and `flagged` say
    whether some line may have an error of its own, and whether some SKU is flagged; `currencies`
    says whether some copy may be in another currency than its source.
    """
    error_count = execute_and_count(db, _NO_LINE) if lines else 0
    error_count += find_prices(db, changed=changed) if refresh_prices else 0
    statements = [_BELOW_ONE, _OTHER_CURRENCY] if lines else []
    statements += [_TAX_RATE] if refresh_prices or promotions else []
    statements += [UNPRICED_LINES] if currencies else []
    if flagged:
        statements += [_GONE, _PART_GONE, _BARRED, _PART_BARRED] if bundles else [_GONE, _BARRED]
    error_count += sum(execute_and_count(db, statement) for statement in statements)
    if error_count:
        _leave_out_wrong_lines(db)
    return error_count


def _leave_out_wrong_lines(db: Connection) -> None:
    """Leave the lines with errors out of the copies with `skip_errors`."""
    wrong = (
        select(copies.c.factory_id, CopyError.line_item_id)
        .distinct()
        .join(CopyError, CopyError.order_factory_id == copies.c.factory_id)
        .where(copies.c.skip_errors, CopyError.line_item_id.is_not(None))
        .where(not_(is_left_out(copies.c.factory_id, _error.c.line_item_id)))
    )
    db.execute(insert(left_out_lines).from_select(["factory_id", "line_item_id"], wrong))
