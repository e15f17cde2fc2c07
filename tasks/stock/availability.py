"""Stock: which orders of a batch get the pieces of a SKU that is short."""

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    String,
    Subquery,
    Update,
    and_,
    case,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
    union,
    union_all,
    update,
)

from order_factory.models.database.row_locks import locks_whole_database
from order_factory.models.tables import CopyError, LineItem, Sku, StockItem
from order_factory.models.values.error_codes import ErrorCode
from order_factory.models.values.statuses import ItemType
from order_factory.models.values.stock_policies import StockPolicy
from order_factory.tasks.stock.bundles import is_part_left_out, select_wanted_pieces
from order_factory.tasks.stock.last_lines import find_last_lines, select_without_lines
from order_factory.tasks.stock.reductions import count_pieces_left, is_reducible, reduce_lines
from order_factory.tasks.working_set.copy_errors import has_fatal_error, insert_errors
from order_factory.tasks.working_set.line_totals import is_left_out
from order_factory.tasks.working_set.statements import execute_and_count, table_of
from order_factory.tasks.working_set.tables import (
    GRANTED,
    OPEN,
    REFUSED,
    bundle_parts,
    changed_lines,
    contested,
    copies,
    flagged_skus,
    left_out_lines,
)

_line, _sku, _stock = table_of(LineItem), table_of(Sku), table_of(StockItem)

TAKES_STOCK = and_(copies.c.place_target_order, copies.c.stock != StockPolicy.IGNORE)
_is_short = flagged_skus.c.available.is_not(None)


def check_stock(db: Connection, *, contested_already: bool = False) -> int:
    """Record an error for each copy without enough stock. Returns the number of errors.

    With `contested_already`, `tmp_contested` holds coupons and promotions too; all are decided
    together.

    All lines of a SKU in the batch count together, and earlier factories come first: an order gets
    its pieces if the orders before it leave enough. An order that fails for another reason takes
    nothing, so this check is the last one. An order that ignores the stock is not checked.
    """
    if not contested_already and not db.scalar(select(exists().where(_is_short))):
        return 0
    db.execute(insert_contested())
    db.execute(refuse_invalid_copies())
    last_lines = contested_already and find_last_lines(db)
    # Each round decides at least the earliest undecided copy, and usually nearly all of them.
    while execute_and_count(db, refuse_impossible_shares(last_lines)) + execute_and_count(
        db, grant_possible_shares(last_lines)
    ):
        pass
    found = _record_shortages(db)
    if db.scalar(select(exists().where(contested.c.partial))):
        reduce_lines(db, select_wanted_before(contested.c.state == GRANTED))
    _leave_out_short_lines(db, last_lines)
    return found


def lock_wanted_stock(db: Connection) -> int:
    """Lock the stock that this batch will take, in the order of its keys, until the commit.

    Returns the number of locked stock items. On SQLite it is 0: a writing transaction locks the
    whole database.
    """
    if locks_whole_database(db):
        return 0
    in_lines = (
        select(copies.c.mode, _line.c.sku_code)
        .join(_line, _line.c.order_id == copies.c.source_order_id)
        .where(TAKES_STOCK, _line.c.item_type == ItemType.SKUS)
    )
    in_bundles = (
        select(copies.c.mode, bundle_parts.c.sku_code)
        .join(bundle_parts, bundle_parts.c.factory_id == copies.c.factory_id)
        .where(TAKES_STOCK)
    )
    # Many lines name the same SKU, which is looked up once.
    codes = union(in_lines, in_bundles).subquery("codes").c
    wanted = union_all(
        select(_sku.c.id).where(_sku.c.mode == codes.mode, _sku.c.code == codes.sku_code),
        select(changed_lines.c.sku_id)
        .join(copies, copies.c.factory_id == changed_lines.c.factory_id)
        .where(TAKES_STOCK),
    )
    rows = select(_stock.c.id).where(_stock.c.sku_id.in_(wanted)).order_by(_stock.c.id)
    locked = rows.with_for_update().subquery()
    return db.scalar(select(func.count()).select_from(locked)) or 0


def insert_contested() -> Insert:
    """Insert a row per copy and short SKU, undecided, with all that its lines and bundles take."""
    pieces = select_wanted_pieces()
    goes_on = or_(copies.c.skip_errors, copies.c.stock == StockPolicy.PARTIAL)
    # A bundle is copied whole or not at all, and so are all pieces of a SKU that it needs.
    in_bundle = exists().where(
        bundle_parts.c.factory_id == copies.c.factory_id,
        bundle_parts.c.sku_code == flagged_skus.c.sku_code,
        not_(is_part_left_out()),
    )
    # So is a line that the options of the copy change.
    is_changed = exists().where(
        changed_lines.c.factory_id == copies.c.factory_id,
        changed_lines.c.sku_code == flagged_skus.c.sku_code,
    )
    whole = or_(*(each.correlate(copies, flagged_skus) for each in (in_bundle, is_changed)))
    partial = and_(copies.c.stock == StockPolicy.PARTIAL, not_(whole))
    share = case(
        # With skip_errors each SKU of an order is a separate share with a number below zero.
        (
            goes_on,
            -func.row_number().over(order_by=(copies.c.factory_id, flagged_skus.c.sku_id)),
        ),
        else_=copies.c.factory_id,
    )
    rows = (
        select(
            copies.c.factory_id,
            flagged_skus.c.sku_id,
            share,
            func.sum(pieces.c.quantity),
            flagged_skus.c.available,
            partial,
            literal(OPEN),
        )
        .select_from(copies)
        .join(pieces, pieces.c.factory_id == copies.c.factory_id)
        .join(flagged_skus, flagged_skus.c.sku_code == pieces.c.sku_code)
        .where(copies.c.stock != StockPolicy.IGNORE, _is_short)
        .group_by(
            copies.c.factory_id,
            copies.c.skip_errors,
            copies.c.stock,
            flagged_skus.c.sku_id,
            flagged_skus.c.sku_code,
            flagged_skus.c.available,
        )
    )
    names = ["factory_id", "sku_id", "share", "quantity", "available", "partial", "state"]
    return insert(contested).from_select(names, rows)


def refuse_invalid_copies() -> Update:
    """Refuse stock, and the use of coupons, to copies that fail for another reason."""
    has_error = exists().where(CopyError.order_factory_id == copies.c.factory_id)
    fails = or_(not_(copies.c.valid), and_(not_(copies.c.skip_errors), has_error))
    wrong = select(copies.c.factory_id).where(fails)
    return update(contested).values(state=REFUSED).where(contested.c.factory_id.in_(wrong))


def refuse_impossible_shares(last_lines: bool = False) -> Update:
    """Refuse the shares that want more than the granted ones before them leave.

    With `last_lines`, refuse also the uses of the copies that get no line.
    """
    wants = select_wanted_before(contested.c.state == GRANTED)
    hopeless = select(wants.c.share).where(wants.c.state == OPEN, not_(wants.c.partial))
    hopeless = hopeless.where(wants.c.before + wants.c.quantity > wants.c.available)
    useless = [_uses_without_lines(wants)] * last_lines
    return _decide(REFUSED).where(
        or_(contested.c.share.in_(hopeless), _order_is(REFUSED), *useless)
    )


def grant_possible_shares(last_lines: bool = False) -> Update:
    """Grant the shares that have enough even if all undecided ones before them are granted.

    With `last_lines`, a use waits until its copy is sure to get a line.

    A partial share is granted whatever is left. It counts with all that it wants: after one that
    gets less there is nothing left either way.
    """
    wants = select_wanted_before(contested.c.state != REFUSED)
    uncertain = select(wants.c.share).where(wants.c.state == OPEN, not_(wants.c.partial))
    uncertain = uncertain.where(wants.c.before + wants.c.quantity > wants.c.available)
    waits = [not_(_uses_without_lines(wants))] * last_lines
    return _decide(GRANTED).where(
        contested.c.share.not_in(uncertain), not_(_order_is(OPEN, REFUSED)), *waits
    )


def _uses_without_lines(wants: Subquery) -> ColumnElement[bool]:
    """Whether the row is about a limit, and its copy gets no line as far as these rows tell."""
    return and_(contested.c.sku_id < 0, contested.c.factory_id.in_(select_without_lines(wants)))


def _gets_no_line(wants: Subquery) -> ColumnElement[bool]:
    """Whether the copy takes what is left of its SKUs, and nothing is."""
    takes_what_is_left = copies.c.stock == StockPolicy.PARTIAL
    return and_(takes_what_is_left, copies.c.factory_id.in_(select_without_lines(wants)))


def _order_is(*states: int) -> ColumnElement[bool]:
    """Whether the order has another share, one for the whole order, with such a state."""
    whole = contested.alias("whole")
    return exists().where(
        whole.c.factory_id == contested.c.factory_id,
        whole.c.share == whole.c.factory_id,
        contested.c.share != contested.c.factory_id,
        whole.c.state.in_(states),
    )


def select_wanted_before(counts: ColumnElement[bool]) -> Subquery:
    """Select every row with `before`: the quantity of its SKU in the rows that count before it."""
    upto = func.sum(case((counts, contested.c.quantity), else_=0)).over(
        partition_by=contested.c.sku_id, order_by=contested.c.factory_id, rows=(None, -1)
    )
    return select(
        contested.c.share,
        contested.c.state,
        contested.c.quantity,
        contested.c.available,
        contested.c.partial,
        contested.c.factory_id,
        contested.c.sku_id,
        func.coalesce(upto, 0).label("before"),
    ).subquery()


def _decide(state: int) -> Update:
    return update(contested).values(state=state).where(contested.c.state == OPEN)


def _record_shortages(db: Connection) -> int:
    """Record an error per SKU about all its lines, and one per line of a bundle with the SKU."""
    wants = select_wanted_before(contested.c.state == GRANTED)
    left = count_pieces_left(wants)
    message = (
        literal("SKU ")
        + flagged_skus.c.sku_code
        + ": "
        + cast(wants.c.quantity, String)
        + " wanted, "
        + cast(left, String)
        + " in stock"
    )
    of_copy = [
        (wants, wants.c.factory_id == copies.c.factory_id),
        (flagged_skus, flagged_skus.c.sku_id == wants.c.sku_id),
    ]
    is_short = wants.c.quantity > left
    is_reduced = and_(is_short, is_reducible(wants), left > 0)
    its_part = and_(
        bundle_parts.c.factory_id == copies.c.factory_id,
        bundle_parts.c.sku_code == flagged_skus.c.sku_code,
        not_(is_part_left_out()),
    )
    in_bundles_only = and_(
        exists().where(its_part).correlate(copies, flagged_skus),
        not_(_has_lines_of_it()),
    )
    shortages = (
        insert_errors(
            ErrorCode.NOT_ENOUGH_STOCK,
            message,
            is_short,
            not_(is_reduced),
            not_(in_bundles_only),
            joins=of_copy,
            sku_code=flagged_skus.c.sku_code,
        ),
        insert_errors(
            ErrorCode.NOT_ENOUGH_STOCK,
            literal("bundle ") + bundle_parts.c.bundle_code + ": " + message,
            is_short,
            joins=[*of_copy, (bundle_parts, its_part)],
            line_item_id=bundle_parts.c.line_item_id,
            sku_code=flagged_skus.c.sku_code,
        ),
        insert_errors(
            ErrorCode.QUANTITY_REDUCED,
            literal("SKU ")
            + flagged_skus.c.sku_code
            + ": "
            + cast(wants.c.quantity, String)
            + " wanted, "
            + cast(left, String)
            + " copied",
            is_reduced,
            joins=of_copy,
            sku_code=flagged_skus.c.sku_code,
        ),
    )
    return sum(execute_and_count(db, statement) for statement in shortages)


def _has_lines_of_it() -> ColumnElement[bool]:
    """Whether the copy has a line of the flagged SKU itself."""
    of_source = exists().where(
        _line.c.order_id == copies.c.source_order_id,
        _line.c.item_type == ItemType.SKUS,
        _line.c.sku_code == flagged_skus.c.sku_code,
        not_(is_left_out()),
    )
    changed = exists().where(
        changed_lines.c.factory_id == copies.c.factory_id,
        changed_lines.c.sku_code == flagged_skus.c.sku_code,
    )
    return or_(*(each.correlate(copies, flagged_skus) for each in (of_source, changed)))


def _leave_out_short_lines(db: Connection, last_lines: bool) -> None:
    """Leave the lines of refused SKUs, and of bundles with them, out of copies that go on.

    With `last_lines`, also out of the copies that fail because they get no line.
    """
    is_made = and_(
        copies.c.stock == StockPolicy.PARTIAL, not_(has_fatal_error()), not_(_order_is(REFUSED))
    )
    left_with_nothing = [
        _gets_no_line(select_wanted_before(contested.c.state == GRANTED))
    ] * last_lines
    loses_lines = or_(copies.c.skip_errors, is_made, *left_with_nothing)
    is_refused = and_(loses_lines, contested.c.state == REFUSED)
    refused = (
        select(copies.c.factory_id, _line.c.id)
        .join(contested, contested.c.factory_id == copies.c.factory_id)
        .join(flagged_skus, flagged_skus.c.sku_id == contested.c.sku_id)
        .join(_line, _line.c.order_id == copies.c.source_order_id)
        .where(is_refused, _line.c.item_type == ItemType.SKUS)
        .where(_line.c.sku_code == flagged_skus.c.sku_code, not_(is_left_out()))
    )
    in_bundles = (
        select(copies.c.factory_id, bundle_parts.c.line_item_id)
        .distinct()
        .join(contested, contested.c.factory_id == copies.c.factory_id)
        .join(flagged_skus, flagged_skus.c.sku_id == contested.c.sku_id)
        .join(
            bundle_parts,
            and_(
                bundle_parts.c.factory_id == copies.c.factory_id,
                bundle_parts.c.sku_code == flagged_skus.c.sku_code,
            ),
        )
        .where(is_refused, not_(is_part_left_out()))
    )
    for lines in (refused, in_bundles):
        db.execute(insert(left_out_lines).from_select(["factory_id", "line_item_id"], lines))
    same = exists().where(
        copies.c.factory_id == changed_lines.c.factory_id,
        contested.c.factory_id == copies.c.factory_id,
        contested.c.sku_id == changed_lines.c.sku_id,
        is_refused,
    )
    db.execute(delete(changed_lines).where(same))
