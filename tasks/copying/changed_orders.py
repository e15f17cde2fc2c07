"""Change the customer, addresses, market, currency and notes of copies, as their options request.

This happens before the checks, so the checks also cover the new customers and addresses.
"""

from collections.abc import Iterator

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    Update,
    and_,
    case,
    exists,
    false,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    update,
)

from order_factory.models.database.dialects import new_key
from order_factory.models.tables import Address, Customer, LineItem, LineItemOption, Order
from order_factory.models.tables import OrderFactory as Factory
from order_factory.models.tables.row_names import key_in, text_in
from order_factory.models.values.error_codes import ErrorCode
from order_factory.models.values.gift_card_policies import GiftCardPolicy
from order_factory.models.values.statuses import ItemType
from order_factory.tasks.copying.customers import BARRED_STATUSES
from order_factory.tasks.working_set.copy_errors import insert_errors
from order_factory.tasks.working_set.line_totals import is_left_out
from order_factory.tasks.working_set.statements import execute_and_count, table_of
from order_factory.tasks.working_set.tables import claims, copies

_KINDS = ("billing_address", "shipping_address")

_factory, _source = table_of(Factory), table_of(Order)
_customer, _address = table_of(Customer), table_of(Address)
_line, _option = table_of(LineItem), table_of(LineItemOption)
_of_factory = (_factory, _factory.c.id == copies.c.factory_id)
_of_source = (_source, _source.c.id == copies.c.source_order_id)

_named_email = (
    select(_customer.c.id)
    .where(
        _customer.c.mode == copies.c.mode,
        _customer.c.email_key == text_in(_factory.c.target_customer),
    )
    .correlate(copies, _factory)
    .scalar_subquery()
)
_named_customer = func.coalesce(key_in(_factory.c.target_customer), _named_email)
_is_named_customer = and_(_customer.c.id == _named_customer, _customer.c.mode == copies.c.mode)
# Such a copy leaves the wallet and the gift card to the source's customer.
_gets_another_customer = (
    exists()
    .select_from(_factory.join(_customer, _is_named_customer))
    .where(
        _of_factory[1],
        _factory.c.target_customer.is_not(None),
        _customer.c.id.is_distinct_from(copies.c.customer_id),
    )
    .correlate(copies)
)
# Whether the copy names its customer: what its source paid with is then no error.
NAMES_CUSTOMER = and_(
    copies.c.order_changed,
    exists().where(_of_factory[1], _factory.c.target_customer.is_not(None)).correlate(copies),
)
# Whether the copy is in another currency than its source order.
IS_OTHER_CURRENCY = and_(copies.c.order_changed, copies.c.currency_code != _source.c.currency_code)


def change_orders(db: Connection) -> int:
    """Give the copies the customers, addresses and currencies of their options.

    Returns the number of errors: for rows that do not exist, and for impossible changes. A copy
    with such an error is not made, even with `skip_errors`.
    """
    errors_count = execute_and_count(db, _KEEP_GIFT_CARD)
    db.execute(_LEAVE_GIFT_CARD)
    db.execute(_LEAVE_WALLET)
    errors_count += sum(execute_and_count(db, each) for each in _customer_errors())
    db.execute(_change_customers())
    for kind in _KINDS:
        errors_count += execute_and_count(db, _address_error(kind))
        db.execute(_change_address(kind))
    db.execute(_change_address_keys())
    errors_count += execute_and_count(db, _CURRENCY_ERROR)
    db.execute(_CHANGE_CURRENCIES)
    return errors_count


_KEEP_GIFT_CARD = insert_errors(
    ErrorCode.TARGET_CUSTOMER_OTHER_GIFT_CARD,
    "the gift card of the source order is another customer's; set gift_cards to drop",
    _gets_another_customer,
    copies.c.gift_cards == GiftCardPolicy.FAIL,
    exists().where(_source.c.id == copies.c.source_order_id, _source.c.gift_card_amount_cents > 0),
)
_LEAVE_GIFT_CARD = (
    update(copies).where(_gets_another_customer).values(gift_cards=GiftCardPolicy.DROP.value)
)
_LEAVE_WALLET = (
    update(copies)
    .where(_gets_another_customer)
    .values(wallet_payment_source_id=null(), target_payment_source_id=null())
)


def _customer_errors() -> Iterator[Insert]:
    names_one = _factory.c.target_customer.is_not(None)
    known = exists().where(_is_named_customer).correlate(copies, _factory)
    yield insert_errors(
        ErrorCode.TARGET_CUSTOMER_UNKNOWN,
        "the shop has no such customer; give the email or the id of one",
        names_one,
        not_(known),
        joins=[_of_factory],
    )
    for status in BARRED_STATUSES:
        yield insert_errors(
            ErrorCode(f"customer_{status}"),
            f"the customer is {status}",
            names_one,
            _customer.c.status == status,
            field="target_customer",
            joins=[_of_factory, (_customer, _is_named_customer)],
        )


def _change_customers() -> Update:
    customers = (
        select(
            copies.c.factory_id,
            _customer.c.id,
            _customer.c.email,
            _customer.c.email_key,
            case((_customer.c.status.not_in(BARRED_STATUSES), _customer.c.status)).label("status"),
        )
        .select_from(copies.join(*_of_factory).join(_customer, _is_named_customer))
        .where(_factory.c.target_customer.is_not(None))
        .subquery("of")
    )
    return (
        update(copies)
        .where(copies.c.factory_id == customers.c.factory_id)
        .values(
            customer_id=customers.c.id,
            customer_email=customers.c.email,
            customer_email_key=func.coalesce(customers.c.email_key, customers.c.email),
            # The error of a barred customer is recorded already.
            customer_status=customers.c.status,
        )
    )


def _is_named_address(kind: str) -> ColumnElement[bool]:
    """A reference names the only address that has it. Copies may have it, too, and do not count."""
    name, named = _factory.c[f"target_{kind}"], _address.alias("named")
    by_reference = (
        select(func.min(named.c.id))
        .where(named.c.mode == copies.c.mode, named.c.reference == text_in(name))
        .where(named.c.copied_from_id.is_(None))
        .having(func.count() == 1)
        .correlate(copies, _factory)
        .scalar_subquery()
    )
    key = func.coalesce(key_in(name), by_reference)
    return and_(_address.c.id == key, _address.c.mode == copies.c.mode)


def _address_error(kind: str) -> Insert:
    known = exists().where(_is_named_address(kind)).correlate(copies, _factory)
    return insert_errors(
        ErrorCode(f"target_{kind}_unknown"),
        "the shop has no such address, or several; give the reference or the id of one",
        _factory.c[f"target_{kind}"].is_not(None),
        not_(known),
        joins=[_of_factory],
    )


def _change_address(kind: str) -> Update:
    addresses = (
        select(copies.c.factory_id, _address.c.id)
        .select_from(copies.join(*_of_factory).join(_address, _is_named_address(kind)))
        .subquery("of")
    )
    changed = update(copies).where(copies.c.factory_id == addresses.c.factory_id)
    return changed.values({f"{kind}_id": addresses.c.id})


def _change_address_keys() -> Update:
    """Update the keys of target addresses if the copy names one. A shared address has one key."""
    keys = (
        select(
            copies.c.factory_id,
            new_key(_address, rank=claims.c.rank, nth=1, each=2).label("billing"),
            new_key(_address, rank=claims.c.rank, nth=2, each=2).label("shipping"),
        )
        .select_from(
            copies.join(*_of_factory).join(claims, claims.c.factory_id == copies.c.factory_id)
        )
        .where(or_(*(_factory.c[f"target_{kind}"].is_not(None) for kind in _KINDS)))
        .subquery("drawn")
    )
    billing, shipping = copies.c.billing_address_id, copies.c.shipping_address_id
    return (
        update(copies)
        .where(copies.c.factory_id == keys.c.factory_id)
        .values(
            target_billing_address_id=case((billing.is_not(None), keys.c.billing)),
            target_shipping_address_id=case(
                (shipping == billing, keys.c.billing), (shipping.is_not(None), keys.c.shipping)
            ),
        )
    )


_asks_for_other_currency = and_(
    _factory.c.target_currency.is_not(None),
    _factory.c.target_currency != _source.c.currency_code,
)
_CURRENCY_ERROR = insert_errors(
    ErrorCode.TARGET_CURRENCY_WITHOUT_PRICES,
    literal("the source order is in ")
    + _source.c.currency_code
    + ": set refresh_prices for the prices in "
    + _factory.c.target_currency,
    _asks_for_other_currency,
    not_(copies.c.refresh_prices),
    joins=[_of_factory, _of_source],
)
_CHANGE_CURRENCIES = (
    update(copies)
    .where(_of_factory[1], _of_source[1])
    .where(_asks_for_other_currency, copies.c.refresh_prices)
    .values(currency_code=_factory.c.target_currency)
)


def _label() -> ColumnElement[str]:
    return case(
        (_line.c.sku_code.is_not(None), literal("SKU ") + _line.c.sku_code),
        else_=literal("line ")
        + func.coalesce(_line.c.bundle_code, _line.c.name, _line.c.item_type),
    )


def _insert_unpriced() -> Insert:
    """One error per line that costs something for which the other currency has no price."""
    is_sku = _line.c.item_type == ItemType.SKUS
    tax = func.coalesce(_line.c.tax_amount_cents, 0) != 0
    options = exists().where(
        _option.c.line_item_id == _line.c.id, func.coalesce(_option.c.total_amount_cents, 0) != 0
    )
    extras = or_(func.coalesce(_line.c.options_amount_cents, 0) != 0, options)
    rate = func.coalesce(_line.c.tax_rate, _source.c.tax_rate)
    reason = case(
        (not_(is_sku), literal(" is in ")),
        (extras, literal(" has options in ")),
        else_=literal(" has a tax without a rate in "),
    )
    return insert_errors(
        ErrorCode.LINE_ITEM_WITHOUT_PRICE,
        _label()
        + reason
        + _source.c.currency_code
        + ", and only prices of SKUs are in "
        + copies.c.currency_code
        + "; skip_errors leaves the line out",
        IS_OTHER_CURRENCY,
        case(
            (is_sku, or_(extras, and_(tax, rate.is_(None)))),
            else_=or_(_line.c.total_amount_cents != 0, tax),
        ),
        not_(is_left_out()),
        joins=[_of_source, (_line, _line.c.order_id == copies.c.source_order_id)],
        line_item_id=_line.c.id,
        sku_code=_line.c.sku_code,
    )


UNPRICED_LINES = _insert_unpriced()


def finish_changed_orders(db: Connection) -> None:
    """Give the target orders what only their own row has: market, notes, currency, no guest."""
    target = table_of(Order)
    values = {
        "guest": case((_factory.c.target_customer.is_not(None), false()), else_=target.c.guest),
        "market_name": func.coalesce(_factory.c.target_market, target.c.market_name),
        "notes": func.coalesce(_factory.c.target_notes, target.c.notes),
        "currency_code": copies.c.currency_code,
    }
    is_own_target = and_(target.c.id == copies.c.target_order_id, _of_factory[1])
    changed = copies.c.valid, copies.c.order_changed, not_(copies.c.merges)
    db.execute(update(target).where(is_own_target, *changed).values(values))


def change_currencies_of_lines(db: Connection) -> None:
    """Give all lines of the targets, and their options, the currency of their order."""
    is_line = _line.c.order_id == copies.c.target_order_id
    is_option = and_(_option.c.line_item_id == _line.c.id, is_line)
    for rows, of_target in ((_line, is_line), (_option, is_option)):
        changed = update(rows).where(of_target, _of_source[1], copies.c.valid, IS_OTHER_CURRENCY)
        db.execute(changed.values(currency_code=copies.c.currency_code))
