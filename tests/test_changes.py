"""What is declared once reaches every place that shows it: tried in a scratch copy of the tree."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PACKAGES = ("api", "cli", "flows", "gateways", "models", "tasks")


class Scratch:
    """A copy of the product's tree, and which of its files were changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.changed: set[str] = set()
        package = folder / "order_factory"
        package.mkdir()
        (package / "__init__.py").write_text("")
        # The compiled modules come along: a file that is changed is compiled again.
        for name in PACKAGES:
            shutil.copytree(ROOT / name, package / name)
        shutil.copytree(ROOT / "docs", folder / "docs")

    def replace(self, file: str, old: str, new: str) -> None:
        path = self.folder / "order_factory" / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{file} has {old!r} {text.count(old)} times"
        path.write_text(text.replace(old, new), encoding="utf-8")
        self.changed.add(file)

    def create(self, file: str, text: str) -> None:
        (self.folder / "order_factory" / file).write_text(text, encoding="utf-8")
        self.changed.add(file)

    def run(self, program: str) -> None:
        """Run a program against the copy, in a process of its own."""
        environment = os.environ | {
            "PYTHONPATH": str(self.folder),
            "ORDER_FACTORY_DATABASE_URL": f"sqlite:///{self.folder}/shop.db",
            "COLUMNS": "200",
        }
        ran = subprocess.run(
            [sys.executable, "-c", program],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr

    def migrate(self, tables: tuple[str, ...], column: str) -> None:
        """Add a migration that adds this column to the tables."""
        versions = ROOT / "models" / "database" / "migrations" / "versions"
        newest = max(path.name[:4] for path in versions.glob("0*.py"))
        text = MIGRATION.format(newest=newest, tables=tables, column=column)
        self.create("models/database/migrations/versions/9999_invented.py", text)


@pytest.fixture
def scratch(tmp_path) -> Scratch:
    return Scratch(tmp_path)


MIGRATION = '''"""An invented column."""

import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = {newest!r}


def upgrade() -> None:
    for table in {tables!r}:
        op.add_column(table, {column})
'''

USE_OPTION = """
import os, order_factory
from typer.main import get_command
from order_factory.api.resources.registry import RESOURCES
from order_factory.cli.main import app
from order_factory.flows import bulk_order_factory, order_factory as copy_one
from order_factory.models.database.engine import begin
from order_factory.models.database.schema import upgrade
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.requests.subscriptions import SubscriptionOptions
from order_factory.models.tables import Order
from order_factory.models.tables.base import utc_now
from order_factory.tasks.factories.records import create_factory, read_factory
from order_factory.tasks.selections.checking import check_selection
from order_factory.tasks.selections.reading import read_selection
from order_factory.tasks.selections.recording import record_rows
from order_factory.tasks.subscriptions.creation import create_subscription
from order_factory.tasks.subscriptions.reading import read_subscription
from order_factory.tasks.working_set.tables import copies
from docs.reference_pages import page
from prefect.utilities.callables import parameter_schema
import pandas as pd

assert order_factory.__file__.startswith(os.getcwd()), order_factory.__file__
upgrade()
with begin() as db:
    order = db.execute(
        Order.__table__.insert().values(number="1001", currency_code="EUR", status="placed")
    ).inserted_primary_key[0]
    one = create_factory(db, order, CopyOptions(gift_wrap=True), None)
    assert read_factory(db, one).gift_wrap is True
    frame = pd.DataFrame({"source_order": ["1001"], "gift_wrap": ["yes"]})
    record_rows(db, "many", check_selection(read_selection(frame), CopyOptions()))
    assert read_factory(db, one + 1).gift_wrap is True
    wanted = SubscriptionOptions(frequency="monthly", gift_wrap=True)
    key = create_subscription(db, order, wanted, utc_now())
    assert read_subscription(db, key, utc_now())["gift_wrap"] is True
assert "gift_wrap" in copies.c
for flow in (copy_one, bulk_order_factory):
    field = parameter_schema(flow).properties["gift_wrap"]
    assert field["description"] == "Wrap it up." and field["title"] == "Gift wrap", field
command = get_command(app)
groups = [command.commands[name] for name in ("copy", "bulk")]
groups.append(command.commands["subscriptions"].commands["create"])
for each in groups:
    assert "--gift-wrap" in [flag for option in each.params for flag in option.opts], each.name
for name in ("order_copies", "recurring_order_copies", "order_subscriptions"):
    assert "gift_wrap" in {each.name for each in RESOURCES[name].attributes}, name
for name in ("order_copies", "order_factory_batches", "order_subscriptions"):
    assert "gift_wrap" in {each.name for each in RESOURCES[name].writables}, name
assert "`gift_wrap`" in page("options.md")
"""


def test_a_copy_option_is_declared_once(scratch):
    scratch.replace(
        "models/values/copy_options.py",
        "    refresh_prices: Annotated[",
        '    gift_wrap: Annotated[bool, Declared(False, "Wrap it up.", ours=True)]\n'
        "    refresh_prices: Annotated[",
    )
    scratch.migrate(
        ("order_factories", "order_subscriptions"),
        'sa.Column("gift_wrap", sa.Boolean(), server_default=sa.false(), nullable=False)',
    )

    scratch.run(USE_OPTION)

    # What it does and what `verify` makes of it are two more files.
    assert len(scratch.changed) == 2


USE_ORDER_OPTION = """
import os, order_factory
from typer.main import get_command
from docs.reference_pages import page
from order_factory.api.resources.registry import RESOURCES
from order_factory.cli.main import app
from order_factory.flows import bulk_order_factory, order_factory as copy_one
from order_factory.models.database.engine import begin, reading
from order_factory.models.database.schema import upgrade
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.tables import CopyError, LineItem, Order, OrderFactory
from order_factory.tasks.copying.engine import copy_claimed
from order_factory.tasks.factories.records import create_factory
from order_factory.tasks.reports.differences import read_differences
from order_factory.tasks.selections.checking import check_selection
from order_factory.tasks.selections.reading import read_selection
from order_factory.tasks.selections.recording import record_rows
from order_factory.tasks.verify.verifying import verify
from order_factory.tasks.working_set.claims import claim_pending, claim_single
from prefect.utilities.callables import parameter_schema
from sqlalchemy import select
import pandas as pd

assert order_factory.__file__.startswith(os.getcwd()), order_factory.__file__
orders, factories = Order.__table__, OrderFactory.__table__
upgrade()
with begin() as db:
    row = dict(number="1", currency_code="EUR", status="placed", language_code="it")
    row |= dict(customer_email="a@example.com", total_amount_cents=5, adjustment_amount_cents=5)
    order = db.execute(orders.insert().values(**row)).inserted_primary_key[0]
    line = dict(order_id=order, item_type="adjustments", quantity=1, total_amount_cents=5)
    db.execute(LineItem.__table__.insert().values(**line, unit_amount_cents=5))
    plain = create_factory(db, order, CopyOptions(skip_errors=True), None)
    cleared = create_factory(db, order, CopyOptions(skip_errors=True, clear_language=True), None)
    both = dict(skip_errors=True, clear_language=True, merge_into="1")
    merged = create_factory(db, order, CopyOptions(**both), None)
    columns = {"source_order": ["1"], "skip_errors": ["yes"], "clear_language": ["yes"]}
    selection = check_selection(read_selection(pd.DataFrame(columns)), CopyOptions())
    batch = record_rows(db, "many", selection)
with begin() as db:
    copy_claimed(db, claim_single(db, 10), "run")
with begin() as db:
    copy_claimed(db, claim_pending(db, batch, 10), "run")


def languages():
    rows = factories.join(orders, orders.c.id == factories.c.target_order_id)
    columns = factories.c.id, orders.c.language_code
    with reading() as db:
        return dict(db.execute(select(*columns).select_from(rows)).all())


def violations():
    with reading() as db:
        return [each.name for each in verify(db).invariants if each.violations]


assert languages() == {plain: "it", cleared: None, merged + 1: None}, languages()
with reading() as db:
    refused = db.scalars(
        select(CopyError.message).where(
            CopyError.order_factory_id == merged, CopyError.code == "merge_into_with_option"
        )
    ).all()
    (difference,) = [
        each
        for each in read_differences(db, factories.c.id == cleared)[cleared]
        if each.what == "language_code"
    ]
assert refused == ["clear_language is for a copy that is a new order; leave it out"]
assert (difference.before, difference.after) == ("it", None), difference
assert difference.reason == "clear_language", difference
assert violations() == [], violations()
for factory, wrong, right in ((plain, None, "it"), (cleared, "it", None)):
    is_target = orders.c.order_factory_id == factory
    with begin() as db:
        db.execute(orders.update().where(is_target).values(language_code=wrong))
    assert violations() == ["order-columns"], violations()
    with begin() as db:
        db.execute(orders.update().where(is_target).values(language_code=right))

for flow in (copy_one, bulk_order_factory):
    field = parameter_schema(flow).properties["clear_language"]
    assert field["description"] == "Leave the language out of the copy.", field
for name in ("copy", "bulk"):
    options = get_command(app).commands[name].params
    assert "--clear-language" in [flag for option in options for flag in option.opts], name
assert "clear_language" in {each.name for each in RESOURCES["order_copies"].attributes}
assert "clear_language" in {each.name for each in RESOURCES["order_copies"].writables}
assert "`clear_language`" in page("options.md")
"""


def test_an_option_that_changes_the_order_takes_four_files(scratch):
    scratch.replace(
        "models/values/copy_options.py",
        "    refresh_prices: Annotated[",
        """    clear_language: Annotated[
        bool,
        Declared(
            False,
            "Leave the language out of the copy.",
            ours=True,
            order_columns=("language_code",),
            only_for_new_orders=True,
        ),
    ]
    refresh_prices: Annotated[""",
    )
    scratch.migrate(
        ("order_factories", "order_subscriptions"),
        'sa.Column("clear_language", sa.Boolean(), server_default=sa.false(), nullable=False)',
    )
    scratch.replace(
        "tasks/copying/orders.py",
        "        **kept_columns(source),\n",
        "        **kept_columns(source),\n"
        '        "language_code": case((~copies.c.clear_language, source.c.language_code)),\n',
    )
    scratch.replace(
        "tasks/verify/changed_orders.py",
        '    "notes": func.coalesce(',
        '    "language_code": case((~factory.c.clear_language, source.c.language_code)),\n'
        '    "notes": func.coalesce(',
    )

    scratch.run(USE_ORDER_OPTION)

    assert len(scratch.changed) == 4


USE_FILTER = """
import os, order_factory
from typer.main import get_command
from prefect.utilities.callables import parameter_schema
from order_factory.api.resources.registry import RESOURCES
from order_factory.cli.main import app
from order_factory.flows import bulk_order_factory
from order_factory.models.database.engine import begin
from order_factory.models.database.schema import upgrade
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.requests.order_filters import OrderFilter
from order_factory.models.tables import Order, OrderFactory
from order_factory.tasks.selections.recording import record_filtered

assert order_factory.__file__.startswith(os.getcwd()), order_factory.__file__
upgrade()
wanted = OrderFilter(language="it")
assert "in the language 'it'" in wanted.in_words()
with begin() as db:
    for number, language in (("1", "it"), ("2", "de")):
        row = {"number": number, "language_code": language, "currency_code": "EUR"}
        db.execute(Order.__table__.insert().values(**row, status="placed"))
    record_filtered(db, "italian", wanted, CopyOptions())
    copied = db.scalars(OrderFactory.__table__.select().with_only_columns(
        OrderFactory.__table__.c.source_order_id
    )).all()
assert copied == [1], copied
form = parameter_schema(bulk_order_factory).definitions["OrderFilter"]["properties"]
assert form["language"]["description"] == "Orders in this language."
bulk = get_command(app).commands["bulk"]
assert "--language" in [flag for option in bulk.params for flag in option.opts]
(rule,) = [each for each in RESOURCES["order_factory_batches"].writables if each.type == "object"
           and each.name == "orders_where"]
assert "language" in rule.meaning
"""


def test_a_filter_field_takes_a_declaration_and_a_condition(scratch):
    scratch.replace(
        "models/values/order_filter_fields.py",
        '    FilterField("market",',
        '    FilterField("language", Kind.TEXT, "Orders in this language.", "in the language {!r}"),\n'
        '    FilterField("market",',
    )
    scratch.replace(
        "tasks/selections/filters.py",
        '    "market": ',
        '    "language": lambda code: Order.language_code == code,\n    "market": ',
    )

    scratch.run(USE_FILTER)

    assert len(scratch.changed) == 2


JSON_FORMAT = """\"\"\"A report as JSON Lines.\"\"\"
import json


class JsonReport:
    def __init__(self, path):
        self.file = path.open("w")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def write(self, part):
        for values in zip(*part.values()):
            self.file.write(json.dumps(dict(zip(part, values)), default=str))


open_report = JsonReport
"""

USE_FORMAT = """
import json, os, order_factory
from pathlib import Path
from typer.main import get_command
from order_factory.cli.main import app
from order_factory.models.database.engine import begin
from order_factory.models.database.schema import upgrade
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.requests.order_filters import OrderFilter
from order_factory.models.tables import Order
from order_factory.tasks.reports.paths import report_path
from order_factory.tasks.reports.writing import write_report
from order_factory.tasks.selections.recording import record_filtered

assert order_factory.__file__.startswith(os.getcwd()), order_factory.__file__
upgrade()
with begin() as db:
    row = {"number": "7", "currency_code": "EUR", "status": "placed"}
    db.execute(Order.__table__.insert().values(**row))
    batch = record_filtered(db, "night", OrderFilter(), CopyOptions())
    write_report(db, batch, report_path("night.json", "night"))
assert json.loads(Path("night.json").read_text())["source_order"] == "7"
(report,) = [each for each in get_command(app).commands["bulk"].params if each.name == "report"]
assert ".json" in report.help
"""


def test_a_report_format_takes_one_file(scratch):
    scratch.create("tasks/reports/formats/json.py", JSON_FORMAT)

    scratch.run(USE_FORMAT)

    assert len(scratch.changed) == 1


def test_a_frequency_takes_one_file(scratch):
    scratch.replace(
        "models/values/frequencies.py",
        '    "yearly": Every(12, Unit.MONTHS),\n',
        '    "yearly": Every(12, Unit.MONTHS),\n    "biennial": Every(24, Unit.MONTHS),\n',
    )

    scratch.run("""
from datetime import UTC, datetime
from typer.main import get_command
from order_factory.api.resources.registry import RESOURCES
from order_factory.cli.main import app
from order_factory.models.requests.subscriptions import SubscriptionOptions
from order_factory.models.values.frequencies import Calendar

assert SubscriptionOptions(frequency="biennial").frequency == "biennial"
start = datetime(2026, 1, 31, tzinfo=UTC)
assert Calendar("biennial", start).after(start) == datetime(2028, 1, 31, tzinfo=UTC)
create = get_command(app).commands["subscriptions"].commands["create"]
(option,) = [each for each in create.params if each.name == "frequency"]
assert "biennial" in option.help, option.help
(shown,) = [e for e in RESOURCES["order_subscriptions"].attributes if e.name == "frequency"]
assert "biennial" in shown.meaning, shown.meaning
""")

    assert len(scratch.changed) == 1


USE_ATTRIBUTE = """
import os, order_factory
from order_factory.api.resources.registry import RESOURCES
from order_factory.models.database.engine import begin, reading
from order_factory.models.database.schema import upgrade
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.tables import LineItem, Order, OrderFactory
from order_factory.tasks.copying.engine import copy_claimed
from order_factory.tasks.factories.records import create_factory
from order_factory.tasks.verify.verifying import verify
from order_factory.tasks.working_set.claims import claim_single
from sqlalchemy import select

assert order_factory.__file__.startswith(os.getcwd()), order_factory.__file__
orders = Order.__table__
upgrade()
with begin() as db:
    row = dict(number="1", currency_code="EUR", status="placed", po_number="PO-7")
    row |= dict(customer_email="a@example.com", total_amount_cents=5, adjustment_amount_cents=5)
    order = db.execute(orders.insert().values(**row)).inserted_primary_key[0]
    line = dict(order_id=order, item_type="adjustments", quantity=1, total_amount_cents=5)
    db.execute(LineItem.__table__.insert().values(**line, unit_amount_cents=5))
    create_factory(db, order, CopyOptions(skip_errors=True), None)  # it has no address
with begin() as db:
    copy_claimed(db, claim_single(db, 10), "run")
with reading() as db:
    log = db.scalars(select(OrderFactory.errors_log)).all()
    assert db.scalars(select(orders.c.po_number)).all() == ["PO-7"] * 2, log
    assert not [each.name for each in verify(db).invariants if each.violations]
with begin() as db:
    db.execute(orders.update().where(orders.c.id != order).values(po_number="PO-8"))
with reading() as db:
    assert [each.name for each in verify(db).invariants if each.violations] == ["order-columns"]
assert "po_number" in {each.name for each in RESOURCES["orders"].attributes}
"""


def test_an_attribute_of_an_order_is_copied_and_verified_after_three_files(scratch):
    scratch.replace(
        "models/tables/orders.py",
        "    language_code: Mapped[str | None]\n",
        "    language_code: Mapped[str | None]\n    po_number: Mapped[str | None]\n",
    )
    scratch.migrate(("orders",), 'sa.Column("po_number", sa.Text())')
    scratch.replace(
        "api/resources/orders.py",
        '        text("language_code"),\n',
        '        text("language_code"),\n        text("po_number"),\n',
    )

    scratch.run(USE_ATTRIBUTE)

    assert len(scratch.changed) == 3


def test_an_error_code_and_an_event_need_one_declaration_each(scratch):
    scratch.replace(
        "models/values/error_codes.py",
        "    CUSTOMER_MISSING = (",
        '    CUSTOMER_TOO_YOUNG = ("customer_too_young", "customer", "The customer is too young.")\n'
        "    CUSTOMER_MISSING = (",
    )
    scratch.replace(
        "models/values/event_names.py",
        "    BATCH_ABORT = ",
        '    PAUSE = "order_factories.pause", "The copy was paused."\n    BATCH_ABORT = ',
    )

    scratch.run("""
from docs.reference_pages import page
from order_factory.models.values.error_codes import ErrorCode
from order_factory.models.values.event_names import EventName
from order_factory.models.values.topics import TOPICS
from order_factory.tasks.working_set.copy_errors import insert_errors

recorded = insert_errors(ErrorCode.CUSTOMER_TOO_YOUNG, "the customer is 12").compile()
assert {"customer", "customer_too_young"} <= set(recorded.params.values()), recorded.params
assert "`customer_too_young`" in page("errors.md")
assert EventName("order_factories.pause") is EventName.PAUSE
assert "`order_factories.pause`" in page("events.md")
assert TOPICS["order_copies.pause"] == "The copy was paused."
""")

    assert len(scratch.changed) == 2


GATEWAY = """\"\"\"The gateway `voucher`.\"\"\"
from order_factory.gateways.protocol import Answer


class VoucherGateway:
    name = "voucher"

    def authorize(self, request):
        return Answer(succeeded=True, token="V-1")

    capture = void = lookup = authorize
"""

USE_GATEWAY = """
import os, order_factory
from order_factory.gateways.protocol import GatewayRequest
from order_factory.gateways.registry import gateway, known_gateways, get_limits, setup_hint

assert order_factory.__file__.startswith(os.getcwd()), order_factory.__file__
assert "voucher" in known_gateways() and "voucher" in setup_hint("other")
assert gateway("voucher").authorize(GatewayRequest("key", 5, "EUR", "order")).token == "V-1"
assert get_limits("voucher")
"""


def test_a_payment_gateway_takes_two_files(scratch):
    scratch.create("gateways/voucher.py", GATEWAY)
    scratch.replace(
        "gateways/registry.py",
        "from order_factory.gateways.testing import TestGateway\n",
        "from order_factory.gateways.testing import TestGateway\n"
        "from order_factory.gateways.voucher import VoucherGateway\n",
    )
    scratch.replace(
        "gateways/registry.py",
        "        TestGateway.name: ",
        "        VoucherGateway.name: KnownGateway(GatewayTerms(frozenset(Mode)), VoucherGateway),\n"
        "        TestGateway.name: ",
    )

    scratch.run(USE_GATEWAY)

    assert len(scratch.changed) == 2


RESOURCE = """\"\"\"SKU lists.\"\"\"
from order_factory.api.resources.attributes import common, own_mode, text
from order_factory.api.resources.description import ResourceType
from order_factory.models.tables import SkuList
from order_factory.models.values.public_ids import Resource as PublicIds
from order_factory.tasks.working_set.statements import table_of

SKU_LISTS = ResourceType(
    "sku_lists",
    ids=PublicIds.sku_lists,
    table=table_of(SkuList),
    scope=own_mode,
    attributes=(text("name", nullable=False), *common()),
    meaning="SKUs under one name.",
)
"""

USE_RESOURCE = """
import os, order_factory
from order_factory.api.app import make_service
from order_factory.api.documentation.openapi import build_openapi_document
from order_factory.api.tokens import create_token
from order_factory.models.database.engine import begin
from order_factory.models.database.schema import upgrade
from order_factory.models.tables import SkuList
from order_factory.models.values.statuses import Mode
from starlette.testclient import TestClient

assert order_factory.__file__.startswith(os.getcwd()), order_factory.__file__
upgrade()
with begin() as db:
    db.execute(SkuList.__table__.insert().values(name="summer", mode="test"))
    token = create_token(db, mode=Mode.TEST, scopes=["read"]).token
with TestClient(make_service()) as client:
    answer = client.get("/api/sku_lists", headers={"Authorization": f"Bearer {token}"})
assert [each["attributes"]["name"] for each in answer.json()["data"]] == ["summer"], answer.text
assert "/api/sku_lists" in "".join(build_openapi_document()["paths"])
"""


def test_a_resource_of_the_api_takes_two_files(scratch):
    scratch.create("api/resources/sku_lists.py", RESOURCE)
    scratch.replace(
        "api/resources/registry.py",
        "from order_factory.api.resources.skus import",
        "from order_factory.api.resources.sku_lists import SKU_LISTS\n"
        "from order_factory.api.resources.skus import",
    )
    scratch.replace(
        "api/resources/registry.py", "        PRICES,\n", "        PRICES,\n        SKU_LISTS,\n"
    )

    scratch.run(USE_RESOURCE)

    assert len(scratch.changed) == 2


TRIGGER = """\"\"\"Forget the notes of orders.\"\"\"
from sqlalchemy import null, update

from order_factory.models.tables import Order
from order_factory.tasks.working_set.requested_orders import accepted_orders


def forget_notes(db, now):
    forgotten = update(Order).where(Order.id.in_(accepted_orders()))
    db.execute(forgotten.values(notes=null(), updated_at=now))
"""

# One process tries a trigger and an include, because each process starts slowly.
USE_TRIGGER_AND_INCLUDE = """
import os, order_factory
from order_factory.api.app import make_service
from order_factory.api.documentation.openapi import build_openapi_document
from order_factory.api.tokens import create_token
from order_factory.models.database.engine import begin
from order_factory.models.database.schema import upgrade
from order_factory.models.tables import Address, Order
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.models.values.statuses import Mode
from starlette.testclient import TestClient

assert order_factory.__file__.startswith(os.getcwd()), order_factory.__file__
upgrade()
with begin() as db:
    row = dict(line_1="Via Roma 1", city="Rome", country_code="IT", mode="test")
    address = db.execute(Address.__table__.insert().values(**row))
    row = dict(number="1", currency_code="EUR", status="placed", mode="test", notes="ring twice")
    row["shipping_address_id"] = address.inserted_primary_key[0]
    order = db.execute(Order.__table__.insert().values(**row)).inserted_primary_key[0]
    token = create_token(db, mode=Mode.TEST, scopes=["read", "write"]).token
headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/vnd.api+json"}
name = public_id(Resource.orders, order)
change = {"type": "orders", "id": name, "attributes": {"_forget_notes": True}}
with TestClient(make_service()) as client:
    changed = client.patch(f"/api/orders/{name}", headers=headers, json={"data": change})
    shown = client.get("/api/addresses?include=shipped_orders", headers=headers)
assert changed.status_code == 200, changed.text
assert changed.json()["data"]["attributes"]["notes"] is None, changed.text
assert [(each["type"], each["id"]) for each in shown.json()["included"]] == [("orders", name)]
description = str(build_openapi_document())
assert "Forget the notes." in description and "shipped_orders" in description
"""


def test_a_trigger_takes_three_files_and_an_include_takes_one(scratch):
    scratch.create("tasks/orders/forgetting.py", TRIGGER)
    scratch.replace(
        "tasks/orders/changes.py",
        "from order_factory.tasks.orders.placing import place\n",
        "from order_factory.tasks.orders.forgetting import forget_notes\n"
        "from order_factory.tasks.orders.placing import place\n",
    )
    scratch.replace(
        "tasks/orders/changes.py",
        '    "place": place,\n',
        '    "place": place,\n    "forget_notes": forget_notes,\n',
    )
    scratch.replace(
        "api/resources/order_triggers.py",
        '    _Declared("_archive",',
        '    _Declared("_forget_notes", "Forget the notes.", ("forget_notes",)),\n'
        '    _Declared("_archive",',
    )
    assert len(scratch.changed) == 3

    scratch.replace(
        "api/resources/addresses.py",
        "    ResourceType,\n",
        "    Relationship,\n    ResourceType,\n",
    )
    scratch.replace(
        "api/resources/addresses.py",
        "    relationships=(",
        "    relationships=(\n        Relationship(\n"
        '            "shipped_orders", "orders", near="id", far="shipping_address_id", many=True\n'
        "        ),",
    )
    assert len(scratch.changed) == 4

    scratch.run(USE_TRIGGER_AND_INCLUDE)
