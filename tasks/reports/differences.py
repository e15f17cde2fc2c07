"""The differences of copies from their source orders, with reasons, for one copy or many."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    Select,
    and_,
    func,
    not_,
    or_,
    select,
)

from order_factory.models.results.differences import Difference
from order_factory.models.tables import (
    Address,
    CopyError,
    LineItem,
    LineItemOption,
    Order,
    OrderFactory,
    PaymentSource,
)
from order_factory.models.values.copy_options import EVERY_OPTION, LINE_CHANGES
from order_factory.models.values.kept_parts import ALL, NONE
from order_factory.models.values.statuses import DISCOUNTS, PURCHASABLE
from order_factory.models.values.stock_policies import StockPolicy
from order_factory.tasks.working_set.copy_errors import STOCK_CODES
from order_factory.tasks.working_set.line_rules import is_once, is_recomputed
from order_factory.tasks.working_set.statements import table_of
from order_factory.tasks.working_set.target_orders import TARGET_OR_MERGED

_factory, _error = table_of(OrderFactory), table_of(CopyError)
_source, _target = table_of(Order).alias("source"), table_of(Order).alias("target")
_had, _has = table_of(LineItem).alias("had"), table_of(LineItem).alias("has")
_with_source = _factory.join(_source, _source.c.id == _factory.c.source_order_id)
_copied = _with_source.join(_target, _target.c.id == _factory.c.target_order_id)
_merged = _with_source.join(_target, _target.c.id == _factory.c.merged_order_id)
_copied_or_merged = _with_source.join(_target, _target.c.id == TARGET_OR_MERGED)
# The compared values of a line, and the part of each.
_LINE_VALUES = {
    "sku_code": "line_items",
    "quantity": "line_items",
    "unit_amount_cents": "prices",
    "options_amount_cents": "prices",
    "discount_cents": "discounts",
    "tax_amount_cents": "taxes",
    "total_amount_cents": "totals",
}
# The options that change a value of the order.
_OPTIONS_BY_COLUMN = {
    column: [option.name for option in EVERY_OPTION if column in option.order_columns]
    for option in EVERY_OPTION
    for column in option.order_columns
}
_ORDER_VALUES = {
    **dict.fromkeys(_OPTIONS_BY_COLUMN, "order"),
    "coupon_code": "discounts",
    "discount_amount_cents": "discounts",
    "gift_card_amount_cents": "totals",
    "subtotal_amount_cents": "totals",
    "shipping_amount_cents": "totals",
    "total_tax_amount_cents": "taxes",
    "total_amount_cents": "totals",
    "total_amount_with_taxes_cents": "totals",
}
# Those that the order that a copy is merged into must have.
_MERGED_ORDER_VALUES = ("customer_id", "market_name", "currency_code")
# The rules that the lines of the copy followed.
_rules = func.coalesce(_factory.c.applied_repeat_skus, NONE)
# Personal data is not shown, only that it differs.
_ADDRESS_VALUES = (
    "business",
    "first_name",
    "last_name",
    "company",
    "line_1",
    "line_2",
    "city",
    "zip_code",
    "state_code",
    "country_code",
    "phone",
    "email",
    "notes",
    "billing_info",
)
_REFERENCES = ("reference", "reference_origin")
DifferencesById = dict[int, list[Difference]]
# The copies that are compared, as a condition on their factories.
Condition = ColumnElement[bool]


def read_differences(db: Connection, condition: Condition) -> DifferencesById:
    """Return the differences of these copies by factory id; [] for an exact copy.

    The copy of an order that was merged into another one is what it added to that.
    A factory without a copy has no entry. A difference that no error and no option explains, such
    as a later edit, has no reason.
    """
    options = {row.id: row for row in db.execute(_select_factories(condition))}
    differences: DifferencesById = {key: [] for key in options}
    reasons = _Reasons(db, condition)
    for key, difference in (
        *_find_lines(db, condition, reasons, options),
        *_find_added_lines(db, condition, options),
        *_find_merged(db, condition, options),
        *_find_orders(db, _copied, tuple(_ORDER_VALUES), condition, reasons, options),
        *_find_orders(db, _merged, _MERGED_ORDER_VALUES, condition, reasons, options),
        *_find_addresses(db, condition, reasons, options),
        *_find_payment_sources(db, condition, reasons, options),
        *_find_left_out_data(db, condition),
    ):
        differences[key].append(difference)
    return differences


class _Reasons:
    """The messages of the copies' errors, by line, by SKU and by field."""

    def __init__(self, db: Connection, condition: Condition) -> None:
        self._messages: dict[tuple[int, Any], str] = {}
        rows = select(_error).join(_factory, _factory.c.id == _error.c.order_factory_id)
        for row in db.execute(rows.where(condition).order_by(_error.c.id.desc())):
            for subject in (
                row.line_item_id,
                row.sku_code,
                f"field {row.field}",
                f"code {row.code}",
            ):
                if subject is not None:
                    self._messages[row.order_factory_id, subject] = row.message

    def find(self, factory_id: int, *subject: Any) -> str | None:
        """Return the message for the first of these subjects that has one."""
        return next(
            (
                self._messages[factory_id, each]
                for each in subject
                if (factory_id, each) in self._messages
            ),
            None,
        )


def _select_factories(condition: Condition) -> Select[Any]:
    return select(_factory).where(condition, TARGET_OR_MERGED.is_not(None))


def _label(line: Any) -> ColumnElement[str]:
    return func.coalesce(line.c.sku_code, line.c.bundle_code, line.c.name, line.c.item_type)


def _find_lines(
    db: Connection, condition: Condition, reasons: _Reasons, options: dict[int, Row[Any]]
) -> Iterator[tuple[int, Difference]]:
    """Yield lines that were left out, and lines with other values."""
    is_copy_of = and_(_has.c.order_id == _target.c.id, _has.c.copied_from_id == _had.c.id)
    rows = _copied_or_merged.join(_had, _had.c.order_id == _source.c.id)
    rows = rows.outerjoin(_has, is_copy_of)
    differs = or_(*(_had.c[name].is_distinct_from(_has.c[name]) for name in _LINE_VALUES))
    pairs = [_had.c[name].label(f"had_{name}") for name in _LINE_VALUES]
    pairs += [_has.c[name].label(f"has_{name}") for name in _LINE_VALUES]
    selected = select(
        _factory.c.id.label("factory_id"),
        _had.c.id.label("line_id"),
        _had.c.sku_code,
        _had.c.item_type,
        func.coalesce(_had.c.sku_code, _had.c.bundle_code).label("code"),
        _label(_had).label("label"),
        _has.c.id.label("copy_id"),
        is_once(_had, _rules).label("is_once"),
        is_recomputed(_had, _rules).label("is_recomputed"),
        *pairs,
    ).select_from(rows)
    selected = selected.where(condition, or_(_has.c.id.is_(None), differs))
    for row in db.execute(selected.order_by(_factory.c.id, _had.c.id)):
        reason = reasons.find(row.factory_id, row.line_id, row.sku_code)
        values = row._mapping
        if row.copy_id is None:
            once = _explain_line_rule(row.code, options[row.factory_id]) if row.is_once else None
            reason = reason or once or _explain_left_out(row, options[row.factory_id])
            yield (
                row.factory_id,
                Difference(
                    part="line_items",
                    what=row.label,
                    before=row.had_quantity,
                    after=None,
                    reason=reason,
                ),
            )
            continue
        for name, part in _LINE_VALUES.items():
            before, after = values[f"had_{name}"], values[f"has_{name}"]
            if before != after:
                yield (
                    row.factory_id,
                    Difference(
                        part=part,
                        what=f"{row.label}: {name}",
                        before=before,
                        after=after,
                        reason=reason
                        or _explain_changed_line(row, options[row.factory_id])
                        or _explain_recomputed_line(row, options[row.factory_id])
                        or _explain_by_options(part, options[row.factory_id])
                        or _explain_by_stock(part, options[row.factory_id], reasons),
                    ),
                )


def _find_added_lines(
    db: Connection, condition: Condition, options: dict[int, Row[Any]]
) -> Iterator[tuple[int, Difference]]:
    """Yield lines that the source order does not have, such as discounts of today's promotions."""
    of_source = (
        select(_had.c.id)
        .where(_had.c.order_id == _source.c.id, _had.c.id == _has.c.copied_from_id)
        .correlate(_source, _has)
        .exists()
    )
    rows = select(_factory.c.id, _label(_has), _has.c.sku_code, _has.c.total_amount_cents)
    rows = rows.select_from(_copied.join(_has, _has.c.order_id == _target.c.id))
    rows = rows.where(condition, not_(of_source)).order_by(_factory.c.id, _has.c.id)
    for key, label, code, cents in db.execute(rows):
        reason = "apply_promotions" if options[key].apply_promotions else None
        reason = "add_lines" if code in (options[key].add_lines or {}) else reason
        yield (
            key,
            Difference(part="line_items", what=label, before=None, after=cents, reason=reason),
        )


def _find_merged(
    db: Connection, condition: Condition, options: dict[int, Row[Any]]
) -> Iterator[tuple[int, Difference]]:
    """Yield the lines that `add_lines` added to the orders that copies were merged into.

    Also yield the totals of all lines that the copies added to them, if they are not those of
    their source orders.
    """
    of_copy = and_(
        _has.c.copied_from_id.is_(None),
        _has.c.created_at.between(_factory.c.started_at, _factory.c.completed_at),
    )
    rows = select(_factory.c.id, _has.c.sku_code, _has.c.quantity, _has.c.total_amount_cents)
    rows = rows.select_from(_merged.join(_has, and_(_has.c.order_id == _target.c.id, of_copy)))
    # Other copies may have added the same SKU at the same time, and at the same price.
    added = {
        (row.id, row.sku_code): row.total_amount_cents
        for row in db.execute(rows.where(condition).order_by(_factory.c.id, _has.c.id))
        if (options[row.id].add_lines or {}).get(row.sku_code) == row.quantity
    }
    totals: dict[int, int] = {}
    for (key, code), cents in added.items():
        totals[key] = totals.get(key, 0) + cents
        yield (
            key,
            Difference(part="line_items", what=code, before=None, after=cents, reason="add_lines"),
        )
    copied = (
        select(func.coalesce(func.sum(_has.c.total_amount_cents), 0))
        .join(_had, _had.c.id == _has.c.copied_from_id)
        .where(_has.c.order_id == _target.c.id, _had.c.order_id == _source.c.id)
        .scalar_subquery()
    )
    sums = select(_factory.c.id, _source.c.total_amount_cents, copied).select_from(_merged)
    for key, before, cents in db.execute(sums.where(condition).order_by(_factory.c.id)):
        after = int(cents) + totals.get(key, 0)
        if after != before:
            yield (
                key,
                Difference(
                    part="totals",
                    what="total_amount_cents",
                    before=before,
                    after=after,
                    reason=_explain_merged(options[key]),
                ),
            )


def _find_orders(
    db: Connection,
    joined: FromClause,
    compared: tuple[str, ...],
    condition: Condition,
    reasons: _Reasons,
    options: dict[int, Row[Any]],
) -> Iterator[tuple[int, Difference]]:
    """Yield these values of the orders that differ."""
    names = {name: (_source.c[name], _target.c[name]) for name in compared}
    columns = [each.label(f"had_{name}") for name, (each, _) in names.items()]
    columns += [each.label(f"has_{name}") for name, (_, each) in names.items()]
    differs = or_(
        *(source_row.is_distinct_from(target_row) for source_row, target_row in names.values())
    )
    rows = select(_factory.c.id, *columns).select_from(joined).where(condition, differs)
    for row in db.execute(rows.order_by(_factory.c.id)):
        values = row._mapping
        for name in names:
            part = _ORDER_VALUES[name]
            before, after = values[f"had_{name}"], values[f"has_{name}"]
            if before == after:
                continue
            if name == "customer_id":
                before, after = "the customer", None if after is None else "another customer"
            if name == "notes":
                before = None if before is None else "as they were"
                after = None if after is None else "changed"
            reason = reasons.find(row.id, f"field {_FIELDS.get(name, name)}")
            yield (
                row.id,
                Difference(
                    part=part,
                    what=name.removesuffix("_id"),
                    before=before,
                    after=after,
                    reason=reason
                    or _explain_by_order_option(name, options[row.id])
                    or _explain_by_changed_lines(part, options[row.id])
                    or _explain_by_options(part, options[row.id])
                    or _explain_by_line_rules(part, options[row.id])
                    or _explain_by_stock(part, options[row.id], reasons),
                ),
            )


_FIELDS = {"customer_id": "customer", "gift_card_amount_cents": "gift_card_code"}


def _find_addresses(
    db: Connection, condition: Condition, reasons: _Reasons, options: dict[int, Row[Any]]
) -> Iterator[tuple[int, Difference]]:
    address = table_of(Address)
    for kind in ("billing_address", "shipping_address"):
        source_row, target_row = address.alias("had_address"), address.alias("has_address")
        rows = _copied.outerjoin(source_row, source_row.c.id == _source.c[f"{kind}_id"])
        rows = rows.outerjoin(target_row, target_row.c.id == _target.c[f"{kind}_id"])
        differs = or_(
            *(source_row.c[name].is_distinct_from(target_row.c[name]) for name in _ADDRESS_VALUES)
        )
        changed = select(_factory.c.id, source_row.c.id, target_row.c.id).select_from(rows)
        changed = changed.where(condition, differs)
        for key, was_there, there in db.execute(changed.order_by(_factory.c.id)):
            yield (
                key,
                Difference(
                    part="addresses",
                    what=kind,
                    before=None if was_there is None else "as it was",
                    after=None if there is None else "changed",
                    reason=reasons.find(key, f"field {kind}")
                    or _explain_by_order_option(kind, options[key]),
                ),
            )


def _find_payment_sources(
    db: Connection, condition: Condition, reasons: _Reasons, options: dict[int, Row[Any]]
) -> Iterator[tuple[int, Difference]]:
    payment = table_of(PaymentSource)
    source_row, target_row = payment.alias("had_payment"), payment.alias("has_payment")
    rows = _copied.join(source_row, source_row.c.id == _source.c.payment_source_id)
    rows = rows.outerjoin(target_row, target_row.c.id == _target.c.payment_source_id)
    differs = or_(
        target_row.c.id.is_(None),
        source_row.c.name.is_distinct_from(target_row.c.name),
        source_row.c.payment_source_token.is_distinct_from(target_row.c.payment_source_token),
    )
    name = func.coalesce(source_row.c.name, source_row.c.payment_source_type)
    new = func.coalesce(target_row.c.name, target_row.c.payment_source_type)
    changed = select(_factory.c.id, name, new).select_from(rows).where(condition, differs)
    for key, before, after in db.execute(changed.order_by(_factory.c.id)):
        reason = reasons.find(key, "field payment_source")
        if reason is None and after is None:
            reason = (
                "it is not in the customer's wallet"
                if options[key].reuse_wallet
                else "reuse_wallet was not set"
            )
        yield (
            key,
            Difference(
                part="payment_source",
                what="payment_source",
                before=before,
                after=after,
                reason=reason,
            ),
        )


class _Pairs(NamedTuple):
    """The rows of one kind, each joined with its source."""

    kind: str
    rows: FromClause
    source: FromClause
    target: FromClause


def _find_left_out_data(db: Connection, condition: Condition) -> Iterator[tuple[int, Difference]]:
    """Yield the metadata keys and the references that were not copied, by kind of row."""
    address, option = table_of(Address), table_of(LineItemOption)
    had_address, has_address = address.alias("had_address"), address.alias("has_address")
    had_option, has_option = option.alias("had_option"), option.alias("has_option")
    lines = _copied_or_merged.join(_has, _has.c.order_id == _target.c.id)
    of_source = and_(_had.c.id == _has.c.copied_from_id, _had.c.order_id == _source.c.id)
    lines = lines.join(_had, of_source)
    options = lines.join(has_option, has_option.c.line_item_id == _has.c.id)
    options = options.join(had_option, had_option.c.id == has_option.c.copied_from_id)
    used = has_address.c.id.in_([_target.c.billing_address_id, _target.c.shipping_address_id])
    addresses = _copied.join(has_address, used)
    addresses = addresses.join(had_address, had_address.c.id == has_address.c.copied_from_id)
    for pairs in (
        _Pairs("order", _copied, _source, _target),
        _Pairs("line_items", lines, _had, _has),
        _Pairs("line_item_options", options, had_option, has_option),
        _Pairs("addresses", addresses, had_address, has_address),
    ):
        yield from _find_left_out_references(db, condition, pairs)
        yield from _find_left_out_metadata(db, condition, pairs)


def _find_left_out_references(
    db: Connection, condition: Condition, pairs: _Pairs
) -> Iterator[tuple[int, Difference]]:
    source, target = pairs.source.c, pairs.target.c
    missing = or_(
        *(and_(source[name].is_not(None), target[name].is_(None)) for name in _REFERENCES)
    )
    counted = select(_factory.c.id, func.count(), _factory.c.keep_references)
    counted = counted.select_from(pairs.rows)
    counted = counted.where(condition, missing).group_by(_factory.c.id, _factory.c.keep_references)
    for key, count, rule in db.execute(counted.order_by(_factory.c.id)):
        reason = None if rule == ALL else "keep_references"
        what = f"{pairs.kind}: rows with a reference"
        yield (
            key,
            Difference(part="references", what=what, before=count, after=None, reason=reason),
        )


def _find_left_out_metadata(
    db: Connection, condition: Condition, pairs: _Pairs
) -> Iterator[tuple[int, Difference]]:
    """Yield the keys that were not copied, without their values, which may be private."""
    source, target = pairs.source.c.metadata, pairs.target.c.metadata
    rows = select(_factory.c.id, _factory.c.keep_metadata, source, target).select_from(pairs.rows)
    rows = rows.where(condition, source.is_not(None), source.is_distinct_from(target))
    missing: dict[tuple[int, str], set[str]] = {}
    for key, rule, before, after in db.execute(rows.order_by(_factory.c.id)):
        missing.setdefault((key, rule), set()).update({*(before or ())} - {*(after or ())})
    for (key, rule), names in missing.items():
        if names:
            reason = None if rule == ALL else "keep_metadata"
            what = f"{pairs.kind}: keys"
            before = ", ".join(sorted(names))
            yield (
                key,
                Difference(part="metadata", what=what, before=before, after=None, reason=reason),
            )


def _explain_left_out(line: Row[Any], options: Row[Any]) -> str | None:
    if line.code in (options.quantities or {}):
        return "quantities"
    if options.merged_order_id is not None and line.item_type not in PURCHASABLE:
        return "merge_into"
    return "apply_promotions" if options.apply_promotions else None


def _explain_merged(options: Row[Any]) -> str:
    """Return the options because of which a copy added more or less than its source order had."""
    names = (*LINE_CHANGES, "refresh_prices")
    return " and ".join(["merge_into", *(name for name in names if getattr(options, name))])


def _explain_changed_line(line: Row[Any], options: Row[Any]) -> str | None:
    """Return the options that change this line, or a discount of an order with changed lines."""
    names = [
        name for name in ("quantities", "swap_skus") if line.code in (getattr(options, name) or {})
    ]
    if not names and line.item_type in DISCOUNTS:
        names = [name for name in LINE_CHANGES if getattr(options, name)]
    return " and ".join(names) or None


def _explain_line_rule(code: str | None, options: Row[Any]) -> str:
    """Return the source of the rule for this line: a list of SKUs, or the line itself."""
    listed = code is not None and f",{code}=" in f",{options.applied_repeat_skus}"
    return "repeat_skus" if listed else "metadata.repeat"


def _explain_recomputed_line(line: Row[Any], options: Row[Any]) -> str | None:
    return _explain_line_rule(line.code, options) if line.is_recomputed else None


def _explain_by_line_rules(part: str, options: Row[Any]) -> str | None:
    """Return the rules if sums of the order differ because of lines that follow them."""
    ruled = options.applied_repeat_skus is not None
    return (
        "metadata.repeat or repeat_skus"
        if ruled and part in ("discounts", "taxes", "totals")
        else None
    )


def _explain_by_stock(part: str, options: Row[Any], reasons: _Reasons) -> str | None:
    """Return `stock = partial` if the amounts differ because of missing pieces."""
    lacks = reasons.find(options.id, *(f"code {code}" for code in STOCK_CODES))
    partial = options.stock == StockPolicy.PARTIAL and lacks is not None
    return "stock = partial" if partial and part in ("discounts", "taxes", "totals") else None


def _explain_by_order_option(name: str, options: Row[Any]) -> str | None:
    """Return the options of the copy that change this value of the order."""
    possible = _OPTIONS_BY_COLUMN.get(name, [f"target_{name}"])
    names = [each for each in possible if options._mapping.get(each) not in (None, False)]
    return " and ".join(names) or None


def _explain_by_changed_lines(part: str, options: Row[Any]) -> str | None:
    """The options that change the lines, and with them the sums of the order."""
    names = [name for name in (*LINE_CHANGES, "refresh_prices") if getattr(options, name)]
    changed = any(getattr(options, name) for name in LINE_CHANGES)
    return " and ".join(names) if changed and part in ("discounts", "taxes", "totals") else None


def _explain_by_options(part: str, options: Row[Any]) -> str | None:
    """Return the options of the copy that change such values."""
    names = [
        name
        for name, parts in (
            ("refresh_prices", ("prices", "taxes", "totals")),
            ("apply_promotions", ("discounts", "taxes", "totals")),
            ("target_currency", ("prices", "discounts", "taxes", "totals")),
        )
        if part in parts and options._mapping[name]
    ]
    return " and ".join(names) or None
