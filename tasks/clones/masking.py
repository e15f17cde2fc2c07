"""Replace personal data in a copy of a shop's database. Equal values get equal fakes.

Amounts, references, codes, countries and times stay, so sums and copies still agree.
"""

import secrets

from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    Table,
    case,
    delete,
    func,
    literal,
    null,
    update,
)

from order_factory.models.database.dialects import digest
from order_factory.models.database.identity import explain_cut_off
from order_factory.models.errors import InvalidRequest, OrderFactoryError
from order_factory.models.tables import (
    Address,
    ApiToken,
    Customer,
    CustomerPaymentSource,
    Event,
    Export,
    GiftCard,
    IdempotencyRecord,
    Import,
    LineItem,
    Order,
    OrderFactory,
    OrderFactoryBatch,
    OrderSubscription,
    PaymentSource,
    StoredFile,
    StoredFilePiece,
    Transaction,
)
from order_factory.models.tables.base import utc_now
from order_factory.models.tables.row_names import BY_TEXT, text_in
from order_factory.models.values.statuses import BatchStatus, ItemType, Mode
from order_factory.tasks.verify.verifying import verify
from order_factory.tasks.webhooks.subscriptions import silence_webhooks
from order_factory.tasks.working_set.statements import table_of

_DIGITS = 12
# The columns with personal data, and the prefix of each digest.
TEXTS: dict[Table, dict[str, str]] = {
    table_of(Address): {
        "first_name": "First ",
        "last_name": "Last ",
        "company": "Company ",
        "line_1": "Street ",
        "line_2": "Floor ",
        "city": "City ",
        "zip_code": "",
        "phone": "+000 ",
        "notes": "Note ",
        "billing_info": "Info ",
    },
    table_of(Customer): {
        "shopper_reference": "shopper-",
        "profile_id": "profile-",
        "tax_exemption_code": "tax-",
    },
    table_of(PaymentSource): {
        "name": "Card ",
        "customer_token": "cus_",
        "payment_source_token": "tok_",
    },
    table_of(CustomerPaymentSource): {
        "name": "Card ",
        "customer_token": "cus_",
        "payment_source_token": "tok_",
    },
    table_of(Order): {"notes": "Note "},
    table_of(OrderFactory): {"target_notes": "Note "},
    table_of(Transaction): {"token": "masked_", "customer_action": "masked_"},
}
EMAILS = (
    (table_of(Customer), "email"),
    (table_of(Address), "email"),
    (table_of(Order), "customer_email"),
    (table_of(OrderSubscription), "customer_email"),
)
# Free data of the shop, which may contain personal data.
METADATA = (Address, Customer, Order, OrderFactory, OrderFactoryBatch, OrderSubscription)
METADATA_OF_WALLETS = (PaymentSource, CustomerPaymentSource)


class MaskingBroke(OrderFactoryError):
    """Masking has broken invariants. The argument is their names."""

    status, code = 500, "masking_broke"
    detail = "Masking was rolled back, because it would break these invariants: {}."


def require_maskable(db: Connection) -> None:
    """Raise `InvalidRequest` for the shop itself, which would lose its customers' data."""
    order = table_of(Order)
    live = db.scalar(order.select().with_only_columns(order.c.id).where(order.c.mode == Mode.LIVE))
    if explain_cut_off(db) is None and live is not None:
        raise InvalidRequest(
            "This database is the shop itself, and masking would destroy its customers' data. Mask "
            "a copy of it: restore a backup elsewhere, and run `order-factory mask` there."
        )


def mask_personal_data(db: Connection) -> int:
    """Replace names, addresses, emails, phones and tokens. Returns the counts of masked rows.

    Raises `InvalidRequest` for the shop itself, and `MaskingBroke` if `verify` finds an invariant
    broken that held before.
    """
    require_maskable(db)
    before = _find_broken(db)
    salt = secrets.token_hex(16)
    for table, names in TEXTS.items():
        db.execute(
            update(table).values(
                {name: _make_fake(table.c[name], prefix, salt) for name, prefix in names.items()}
            )
        )
    for table, name in EMAILS:
        lower = func.lower(table.c[name])
        key_column = table.c.get(f"{name}_key")
        email = _make_email(lower if key_column is None else func.coalesce(key_column, lower), salt)
        # The fake is in lower-case ASCII letters, so it is also its own comparison key.
        values = {column: email for column in (name, f"{name}_key") if column in table.c}
        db.execute(update(table).where(func.coalesce(table.c[name], "") != "").values(values))
    _mask_named_customers(db, salt)
    _mask_gift_cards(db, salt)
    address = table_of(Address)
    db.execute(update(address).values(lat=null(), lng=null()))
    for model in (*METADATA, *METADATA_OF_WALLETS):
        db.execute(update(table_of(model)).values({table_of(model).c.metadata: null()}))
    batch = table_of(OrderFactoryBatch)
    named = update(batch).where(batch.c.selection.contains("@"))
    db.execute(named.values(selection="orders of a masked customer"))
    _delete_files(db)
    # Stored answers, which contain the created resource, and keys of clients.
    db.execute(delete(table_of(IdempotencyRecord)))
    # Payloads that were sent, and the last values of deleted rows.
    silence_webhooks(db, utc_now())
    event = table_of(Event)
    db.execute(update(event).where(event.c.snapshot.is_not(None)).values(snapshot=null()))
    tokens = table_of(ApiToken)
    db.execute(update(tokens).where(tokens.c.revoked_at.is_(None)).values(revoked_at=utc_now()))
    broken = sorted(_find_broken(db) - before)
    if broken:
        raise MaskingBroke(", ".join(broken))
    people = db.scalar(func.count(table_of(Customer).c.id)) or 0
    return int(people)


def _delete_files(db: Connection) -> None:
    """Delete the files of clients, and the dry runs that have a file."""
    batch = table_of(OrderFactoryBatch)
    unread = update(batch).where(batch.c.file_id.is_not(None))
    db.execute(unread.values(file_id=None, status=BatchStatus.ABORTED))
    reported = update(batch).where(batch.c.report_file_id.is_not(None))
    db.execute(
        reported.values(
            report_file_id=None, status=BatchStatus.ABORTED, completed_at=None, outcome=null()
        )
    )
    db.execute(update(batch).values(errors_log=null()))
    # The inputs and errors of transfers contain data that people have sent.
    db.execute(delete(table_of(Export)))
    db.execute(delete(table_of(Import)))
    db.execute(delete(table_of(StoredFilePiece)))
    db.execute(delete(table_of(StoredFile)))


def _make_email(key: ColumnElement[str], salt: str) -> ColumnElement[str]:
    return _make_fake(key, "person-", salt) + literal("@masked.example")


def _mask_named_customers(db: Connection, salt: str) -> None:
    """Replace the emails by which copies name a customer."""
    factory = table_of(OrderFactory)
    email = text_in(factory.c.target_customer)
    named = update(factory).where(email.is_not(None))
    db.execute(named.values(target_customer=literal(BY_TEXT, String) + _make_email(email, salt)))


def _mask_gift_cards(db: Connection, salt: str) -> None:
    """Replace the codes of gift cards: a person who knows a code can pay with it."""
    card, order, line = table_of(GiftCard), table_of(Order), table_of(LineItem)
    code = _make_fake(card.c.code_key, "gift-", salt)
    db.execute(update(card).values(code=code, code_key=code))
    code = _make_fake(
        func.coalesce(order.c.gift_card_code_key, order.c.gift_card_code), "gift-", salt
    )
    coded = update(order).where(order.c.gift_card_code.is_not(None))
    db.execute(coded.values(gift_card_code=code, gift_card_code_key=code))
    # The name of a line may quote the code.
    named = update(line).where(line.c.item_type == ItemType.GIFT_CARDS, line.c.name.is_not(None))
    db.execute(named.values(name="Gift card"))


def _make_fake(value: ColumnElement[str], prefix: str, salt: str) -> ColumnElement[str]:
    """Return the fake of a value, always the same. Null and an empty text stay as they are."""
    fake = literal(prefix) + func.substr(digest(literal(salt) + value), 1, _DIGITS)
    return case((func.coalesce(value, "") == "", value), else_=fake)


def _find_broken(db: Connection) -> set[str]:
    return {report.name for report in verify(db).invariants if report.violations}
