"""One mixed shop per database for all these tests; each of them damages it and takes that back."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, bindparam, text

from order_factory.models.database.engine import get_engine
from order_factory.models.database.schema import upgrade
from order_factory.models.results.verification import InvariantReport
from order_factory.models.tables.base import UtcDateTime
from order_factory.models.values.public_ids import public_id
from order_factory.tasks.verify.verifying import INVARIANTS, check
from tests.support.damage import Damage
from tests.support.mixed_shop import Keys, fill
from tests.support.shop import Shop

LONG_AGO, LATER = datetime(2001, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


class MixedShop:
    """A database with every kind of copy. Every change of it is rolled back."""

    def __init__(self, engine: Engine, keys: Keys) -> None:
        self.engine = engine
        self.keys = keys

    @contextmanager
    def damaged(self, statements: str = "", lifts: tuple[str, ...] = ()) -> Iterator[Connection]:
        """A transaction in which these statements were executed, foreign keys not minded."""
        with self.engine.connect() as db:
            db.detach()
            self._disarm(db, lifts)
            for statement in filter(None, map(str.strip, statements.split(";"))):
                self._execute(db, statement)
            yield db
            db.rollback()

    def forbid_writing(self, db: Connection) -> None:
        """Have the database itself refuse whatever writes."""
        raise NotImplementedError

    def _disarm(self, db: Connection, lifts: tuple[str, ...]) -> None:
        raise NotImplementedError

    def _execute(self, db: Connection, statement: str) -> None:
        clause = text(statement)
        times = [
            bindparam(name, type_=UtcDateTime())
            for name in ("long_ago", "later")
            if f":{name}" in statement
        ]
        values = self.keys | {"long_ago": LONG_AGO, "later": LATER}
        used = {name: values[name] for name in clause.compile().params}
        assert None not in used.values(), f"no such row: {used}"
        changed = db.execute(clause.bindparams(*times), used).rowcount
        assert changed != 0, f"this changes nothing: {statement}"


class SqliteShop(MixedShop):
    def _disarm(self, db: Connection, lifts: tuple[str, ...]) -> None:
        raw: Any = db.connection.dbapi_connection
        for setting in ("foreign_keys=OFF", "ignore_check_constraints=ON", "legacy_alter_table=ON"):
            raw.execute(f"PRAGMA {setting}")
        for table in lifts:
            # A constraint of a table cannot be dropped: here the same rows stand without any.
            db.exec_driver_sql(f"CREATE TABLE unbound AS SELECT * FROM {table}")
            db.exec_driver_sql(f"DROP TABLE {table}")
            db.exec_driver_sql(f"ALTER TABLE unbound RENAME TO {table}")

    def forbid_writing(self, db: Connection) -> None:
        db.exec_driver_sql("PRAGMA query_only = ON")


class PostgresShop(MixedShop):
    def _disarm(self, db: Connection, lifts: tuple[str, ...]) -> None:
        db.exec_driver_sql("SET LOCAL session_replication_role = replica")
        for table in lifts:
            constraints = db.execute(
                text(
                    "SELECT conname FROM pg_constraint WHERE conrelid = CAST(:name AS regclass) "
                    "AND contype IN ('c', 'u')"
                ),
                {"name": table},
            )
            for (name,) in constraints:
                db.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
            partial = text(
                "SELECT indexname FROM pg_indexes WHERE tablename = :name "
                "AND indexdef LIKE 'CREATE UNIQUE INDEX%WHERE%'"
            )
            for (name,) in db.execute(partial, {"name": table}):
                db.exec_driver_sql(f"DROP INDEX {name}")

    def forbid_writing(self, db: Connection) -> None:
        db.exec_driver_sql("SET TRANSACTION READ ONLY")


@pytest.fixture(scope="session")
def mixed_shops() -> Iterator[dict[str, MixedShop]]:
    """The mixed shops that were made already: a process that tests file by file needs both again."""
    made: dict[str, MixedShop] = {}
    yield made
    for shop in made.values():
        shop.engine.dispose()


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def mixed(
    request: pytest.FixtureRequest,
    mixed_shops: dict[str, MixedShop],
    tmp_path_factory: pytest.TempPathFactory,
) -> MixedShop:
    """The mixed shop, once on SQLite and once on PostgreSQL."""
    if request.param not in mixed_shops:
        mixed_shops[request.param] = _make(request, tmp_path_factory)
    return mixed_shops[request.param]


def _make(request: pytest.FixtureRequest, folders: pytest.TempPathFactory) -> MixedShop:
    kinds: dict[str, type[MixedShop]] = {"sqlite": SqliteShop, "postgres": PostgresShop}
    if request.param == "sqlite":
        url = f"sqlite:///{folders.mktemp('mixed')}/shop.db"
    else:
        server = request.getfixturevalue("postgres")
        server.psql("CREATE DATABASE mixed_shop")
        url = f"postgresql://postgres@/mixed_shop?host={server.pgdata}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "ORDER_FACTORY_DATABASE_URL", url)
        upgrade()
        keys = fill(Shop())
        return kinds[request.param](get_engine(), keys)


@pytest.fixture
def reports(mixed: MixedShop) -> Callable[[Damage], InvariantReport]:
    """Returns a function that damages the database and checks the invariant."""

    def check_damage(damage: Damage) -> InvariantReport:
        (invariant,) = [each for each in INVARIANTS if each.name == damage.invariant]
        with mixed.damaged(damage.statements, damage.lifts) as db:
            return check(db, invariant)

    return check_damage


@pytest.fixture
def shown(mixed: MixedShop) -> Callable[[Damage], list[str]]:
    """The examples that must be shown: the public id of the damaged row."""
    resources = {each.name: each.resource for each in INVARIANTS}
    return lambda damage: [public_id(resources[damage.invariant], mixed.keys[damage.example])]
