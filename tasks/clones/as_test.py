"""Turn a copy of a shop's database into a test shop, which cannot reach real money."""

from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    Table,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    null,
    select,
    update,
)

from order_factory.gateways.manual import ManualGateway
from order_factory.gateways.testing import TestGateway
from order_factory.models.tables import (
    ApiToken,
    Bundle,
    BundleItem,
    Coupon,
    CustomerPaymentSource,
    GiftCard,
    LineItem,
    Order,
    PaymentMethod,
    PaymentSource,
    Sku,
    SkuList,
    SkuListItem,
    Transaction,
)
from order_factory.models.tables.base import Base, utc_now
from order_factory.models.values.statuses import Mode
from order_factory.tasks.webhooks.subscriptions import silence_webhooks
from order_factory.tasks.working_set.statements import table_of

_TOKEN = literal("tok_")


def turn_into_test_shop(db: Connection) -> None:
    """Set all rows to mode `test` and gateway `test`, and revoke every API token.

    It also disables the webhooks and deletes their deliveries and secrets. An existing row of test
    mode is renamed if a live row has the same name.
    """
    _rename_test_skus(db)
    _rename_keys_of_orders(db)
    for table in Base.metadata.sorted_tables:
        if "mode" in table.c:
            _rename_duplicates(db, table)
    for table in Base.metadata.sorted_tables:
        if "mode" in table.c:
            db.execute(update(table).values(mode=Mode.TEST))
    _replace_gateways(db)
    tokens = table_of(ApiToken)
    db.execute(update(tokens).where(tokens.c.revoked_at.is_(None)).values(revoked_at=utc_now()))
    silence_webhooks(db, utc_now())


def _rename_test_skus(db: Connection) -> None:
    """Rename the SKUs and bundles of test mode, and update the rows that refer to them by code."""
    order, line, listed = table_of(Order), table_of(LineItem), table_of(SkuListItem)
    sku, lists = table_of(Sku), table_of(SkuList)
    of_test = select(order.c.id).where(order.c.mode == Mode.TEST)
    lines = and_(line.c.order_id.in_(of_test), _is_duplicate(sku, "code", line.c.sku_code))
    db.execute(
        update(line).where(lines).values(sku_code=_make_new_name(sku, "code", line.c.sku_code))
    )
    test_lists = select(lists.c.id).where(lists.c.mode == Mode.TEST)
    items = and_(
        listed.c.sku_list_id.in_(test_lists), _is_duplicate(sku, "code", listed.c.sku_code)
    )
    db.execute(
        update(listed).where(items).values(sku_code=_make_new_name(sku, "code", listed.c.sku_code))
    )
    parts, bundle = table_of(BundleItem), table_of(Bundle)
    test_bundles = select(bundle.c.id).where(bundle.c.mode == Mode.TEST)
    in_bundles = and_(
        parts.c.bundle_id.in_(test_bundles), _is_duplicate(sku, "code", parts.c.sku_code)
    )
    db.execute(
        update(parts)
        .where(in_bundles)
        .values(sku_code=_make_new_name(sku, "code", parts.c.sku_code))
    )
    sold = and_(line.c.order_id.in_(of_test), _is_duplicate(bundle, "code", line.c.bundle_code))
    code = _make_new_name(bundle, "code", line.c.bundle_code)
    db.execute(update(line).where(sold).values(bundle_code=code))


def _rename_keys_of_orders(db: Connection) -> None:
    """Change the keys of test coupons and gift cards that a live one also has. Orders follow."""
    order = table_of(Order)
    for model, name in ((Coupon, "coupon_code_key"), (GiftCard, "gift_card_code_key")):
        coded = table_of(model)
        key = order.c[name]
        is_own_duplicate = and_(order.c.mode == Mode.TEST, _is_duplicate(coded, "code_key", key))
        db.execute(
            update(order)
            .where(is_own_duplicate)
            .values({name: _make_new_name(coded, "code_key", key)})
        )


def _is_duplicate(table: Table, name: str, value: ColumnElement[str]) -> ColumnElement[bool]:
    of_test, live = table.alias("of_test"), table.alias("live")
    return and_(
        exists().where(of_test.c.mode == Mode.TEST, of_test.c[name] == value),
        exists().where(live.c.mode == Mode.LIVE, live.c[name] == value),
    )


def _make_new_name(table: Table, name: str, value: ColumnElement[str]) -> ColumnElement[str]:
    of_test = table.alias("of_test")
    new = of_test.c[name] + literal("-test-") + cast(of_test.c.id, String)
    mine = select(new).where(of_test.c.mode == Mode.TEST, of_test.c[name] == value)
    return mine.scalar_subquery()


def _rename_duplicates(db: Connection, table: Table) -> None:
    """Rename rows of test mode if a live row has the same name, which must be unique."""
    for index in table.indexes:
        names = [column.name for column in index.columns]
        if not index.unique or "mode" not in names or len(names) != 2:
            continue
        (name,) = (each for each in names if each != "mode")
        live = table.alias("live")
        taken = exists().where(live.c.mode == Mode.LIVE, live.c[name] == table.c[name])
        new = table.c[name] + literal("-test-") + cast(table.c.id, String)
        db.execute(update(table).where(table.c.mode == Mode.TEST, taken).values({name: new}))


def _replace_gateways(db: Connection) -> None:
    source, saved = table_of(PaymentSource), table_of(CustomerPaymentSource)
    transaction, method = table_of(Transaction), table_of(PaymentMethod)
    for table in (source, method, transaction):
        remote = and_(table.c.gateway.is_not(None), table.c.gateway != ManualGateway.name)
        db.execute(update(table).where(remote).values(gateway=TestGateway.name))
    # A copied payment source has the token of its original.
    key = cast(func.coalesce(source.c.copied_from_id, source.c.id), String)
    token = case((source.c.payment_source_token.is_not(None), _TOKEN + key), else_=null())
    db.execute(update(source).values(customer_token=null(), payment_source_token=token))
    key = cast(saved.c.payment_source_id, String)
    token = case((saved.c.payment_source_token.is_not(None), _TOKEN + key), else_=null())
    db.execute(update(saved).values(customer_token=null(), payment_source_token=token))
    named = update(transaction).where(transaction.c.token.is_not(None))
    db.execute(named.values(token=literal("test_") + cast(transaction.c.id, String)))
    db.execute(update(transaction).values(claimed_by=null(), customer_action=null()))
