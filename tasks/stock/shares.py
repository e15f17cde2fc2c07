"""The shares of short SKUs: how much each copy wants, and which copies get it."""

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    Subquery,
    Update,
    and_,
    case,
    exists,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
    update,
)

from order_factory.models.tables import CopyError
from order_factory.models.values.stock_policies import StockPolicy
from order_factory.tasks.stock.bundles import is_part_of_flagged_sku, select_wanted_pieces
from order_factory.tasks.stock.last_lines import select_without_lines
from order_factory.tasks.working_set.statements import execute_and_count
from order_factory.tasks.working_set.tables import (
    GRANTED,
    OPEN,
    REFUSED,
    changed_lines,
    contested,
    copies,
    flagged_skus,
)

IS_SHORT = flagged_skus.c.available.is_not(None)


def insert_contested() -> Insert:
    """Insert an open row per copy and short SKU: the pieces that its lines and bundles need."""
    pieces = select_wanted_pieces()
    separate = or_(copies.c.skip_errors, copies.c.stock == StockPolicy.PARTIAL)
    # A bundle is copied whole or not at all. So are all pieces of a SKU that a bundle needs, and
    # of a SKU on a line that the options of the copy change.
    in_bundle = exists().where(is_part_of_flagged_sku())
    is_changed = exists().where(
        changed_lines.c.factory_id == copies.c.factory_id,
        changed_lines.c.sku_code == flagged_skus.c.sku_code,
    )
    is_whole = or_(*(each.correlate(copies, flagged_skus) for each in (in_bundle, is_changed)))
    partial = and_(copies.c.stock == StockPolicy.PARTIAL, not_(is_whole))
    share = case(
        # With skip_errors each SKU of an order is a separate share with a number below zero.
        (
            separate,
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
        .where(copies.c.stock != StockPolicy.IGNORE, IS_SHORT)
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
    invalid = select(copies.c.factory_id).where(fails)
    return update(contested).values(state=REFUSED).where(contested.c.factory_id.in_(invalid))


def grant_shares(db: Connection, *, last_lines: bool) -> None:
    """Grant or refuse every share of `tmp_contested`, earlier factories first.

    With `last_lines`, some copies that use a coupon or a promotion have only lines of short SKUs.
    """
    # Each round decides at least the earliest open share, and usually nearly all of them.
    while execute_and_count(db, refuse_impossible_shares(last_lines)) + execute_and_count(
        db, grant_possible_shares(last_lines)
    ):
        pass


def refuse_impossible_shares(last_lines: bool = False) -> Update:
    """Refuse the shares that want more than the granted shares before them leave.

    With `last_lines`, also refuse the uses of coupons and promotions by copies that get no line.
    """
    wants = select_wanted_before(contested.c.state == GRANTED)
    impossible = select(wants.c.share).where(wants.c.state == OPEN, not_(wants.c.partial))
    impossible = impossible.where(wants.c.before + wants.c.quantity > wants.c.available)
    without_lines = [_uses_without_lines(wants)] * last_lines
    return _decide(REFUSED).where(
        or_(contested.c.share.in_(impossible), has_order_share(REFUSED), *without_lines)
    )


def grant_possible_shares(last_lines: bool = False) -> Update:
    """Grant the shares for which enough is left even if all open shares before them are granted.

    A partial share is granted, however little is left. Later shares count it in full: if it gets
    less than it wants, nothing is left for them anyway.

    With `last_lines`, the use of a coupon or promotion waits until its copy is sure to get a line.
    """
    wants = select_wanted_before(contested.c.state != REFUSED)
    uncertain = select(wants.c.share).where(wants.c.state == OPEN, not_(wants.c.partial))
    uncertain = uncertain.where(wants.c.before + wants.c.quantity > wants.c.available)
    waits = [not_(_uses_without_lines(wants))] * last_lines
    return _decide(GRANTED).where(
        contested.c.share.not_in(uncertain), not_(has_order_share(OPEN, REFUSED)), *waits
    )


def _uses_without_lines(wants: Subquery) -> ColumnElement[bool]:
    """Whether the row uses a coupon or promotion, and these rows give its copy no line."""
    return and_(contested.c.sku_id < 0, contested.c.factory_id.in_(select_without_lines(wants)))


def has_order_share(*states: int) -> ColumnElement[bool]:
    """Whether the copy also has a share for the whole order, in one of these states."""
    whole = contested.alias("whole")
    return exists().where(
        whole.c.factory_id == contested.c.factory_id,
        whole.c.share == whole.c.factory_id,
        contested.c.share != contested.c.factory_id,
        whole.c.state.in_(states),
    )


def select_wanted_before(counted: ColumnElement[bool]) -> Subquery:
    """Select every row with `before`: the quantity of its SKU in the earlier rows.

    Only the rows that meet the condition `counted` are added up.
    """
    wanted_before = func.sum(case((counted, contested.c.quantity), else_=0)).over(
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
        func.coalesce(wanted_before, 0).label("before"),
    ).subquery()


def _decide(state: int) -> Update:
    return update(contested).values(state=state).where(contested.c.state == OPEN)
