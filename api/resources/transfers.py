"""Exports and imports of rows as files."""

from datetime import datetime
from functools import partial
from secrets import token_urlsafe
from typing import Any

from sqlalchemy import Connection, Table, select

from order_factory.api.resources import writables
from order_factory.api.resources.attributes import (
    common,
    computed,
    flag,
    integer,
    iso_8601,
    json_object,
    own_mode,
    text,
    time,
)
from order_factory.api.resources.description import (
    UPLOADED,
    Attribute,
    Broken,
    Hooks,
    ResourceType,
    Row,
    Type,
    Values,
    Writable,
)
from order_factory.api.resources.events import events_of
from order_factory.models.errors import InvalidRequest
from order_factory.models.values.public_ids import Resource as PublicIds
from order_factory.models.values.public_ids import public_id
from order_factory.models.values.statuses import TransferStatus
from order_factory.tasks.exports.formats import FORMATS
from order_factory.tasks.exports.resources import EXPORTED
from order_factory.tasks.exports.selecting import ALL, select_export
from order_factory.tasks.imports.resources import RESOURCES as IMPORTED
from order_factory.tasks.stored_files.records import store_file
from order_factory.tasks.transfers.records import (
    Transfer,
    delete_transfer,
    exports,
    imports,
    interrupt,
    record_change,
)

_INTERRUPT, _START = "_interrupt", "_start"
_JWT_FILTERS, _PARENT = "jwt_filters", "parent_resource_id"
# The parameter of `attachment_url` that replaces a token.
ATTACHMENT_KEY = "key"
_MOST_INCLUDES = 30
_MOST_INPUTS = 10_000
_KEY_BYTES = 32
_IMPORT_FORMATS = ("json", "csv")


def _attachment_url(row: Row) -> str | None:
    if row["status"] != TransferStatus.COMPLETED:
        return None
    path = f"exports/{public_id(PublicIds.exports, row['id'])}/attachment"
    key = row["attachment_key"]
    return path if key is None else f"{path}?{ATTACHMENT_KEY}={key}"


def _progress(row: Row) -> int:
    if row["status"] == TransferStatus.COMPLETED:
        return 100
    total = row["total_count"]
    return int(100 * row["records_count"] / total) if total else 0


def _estimate_end(row: Row) -> str | None:
    """When it ends, at its rate so far."""
    if row["status"] != TransferStatus.IN_PROGRESS or not _progress(row):
        return None
    # The text that is shown: from SQLite, a row has times as they are stored.
    started, now = (
        datetime.fromisoformat(str(iso_8601(row[name]))) for name in ("started_at", "updated_at")
    )
    return iso_8601(started + (now - started) * row["total_count"] / row["records_count"])


def _fill_export(db: Connection, mode: str, values: Values, known: Row | None) -> None:
    if known is not None:
        _trigger(db, exports, values, known)
        return
    # Imported here, because that module imports all resources.
    from order_factory.api.export_filters import filter_records

    values.pop(_JWT_FILTERS, None)
    name = values["resource_type"]
    for attribute, includes, fields, filters in (
        ("includes", values.get("includes") or [], [], {}),
        ("fields", [], values.get("fields") or [], {}),
        ("filters", [], [], values.get("filters") or {}),
    ):
        try:
            condition = filter_records(name, filters, mode)
            select_export(name, mode, includes, condition, fields=fields)
        except InvalidRequest as error:
            raise Broken(f"is invalid: {error}", attribute) from error
        if name == ALL and filters:
            raise Broken("cannot be given for all resources", attribute)
    values["format"] = values.get("format") or "json"
    values |= {"mode": mode, "attachment_key": token_urlsafe(_KEY_BYTES)}


def _fill_import(db: Connection, mode: str, values: Values, known: Row | None) -> None:
    if known is not None:
        _trigger(db, imports, values, known)
        return
    if values.pop(_PARENT, None) is not None:
        raise Broken("cannot be used: name the parent in a column of each input", _PARENT)
    file = values.pop(UPLOADED, None)
    if (file is None) == (values.get("inputs") is None):
        raise Broken("can't be blank without a file, nor given with one", "inputs")
    if file is None:
        values |= {
            "inputs_size": len(values["inputs"]),
            "format": values.get("format") or _IMPORT_FORMATS[0],
        }
    else:
        values["file_id"] = store_file(db, file)
        values["format"] = file.name.rpartition(".")[2].lower()
    values["mode"] = mode


def _trigger(db: Connection, table: Table, values: Values, known: Row) -> None:
    """Interrupt or continue the transfer."""
    stop, start = values.pop(_INTERRUPT, False), values.pop(_START, False)
    if not stop and not start:
        return
    # Read again with a lock, because a run may have started or ended it since the row was read.
    statement = select(table).where(table.c.id == known["id"]).with_for_update()
    row = db.execute(statement).mappings().one()
    if stop and row["status"] == TransferStatus.PENDING:
        interrupt(db, Transfer(table, row), None)
    elif stop and row["status"] == TransferStatus.IN_PROGRESS:
        values["must_stop"] = True
    elif stop:
        raise Broken(f"cannot be interrupted: it is {row['status']}", _INTERRUPT)
    elif row["status"] == TransferStatus.INTERRUPTED:
        values |= {"status": TransferStatus.PENDING, "interrupted_at": None, "errors_log": None}
    else:
        raise Broken(f"cannot be started: it is {row['status']}", _START)


def _follow_creation(db: Connection, key: int, values: Values, *, table: Table) -> None:
    record_change(db, table, key, values["mode"], "create")


def _delete(db: Connection, row: Row, *, table: Table) -> None:
    delete_transfer(db, table, row["id"])


def _hooks(table: Table, fill: Any) -> Hooks:
    return Hooks(
        fill=fill,
        created=partial(_follow_creation, table=table),
        delete=partial(_delete, table=table),
    )


def _names(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise Broken("must be a list of texts")
    if len(value) > _MOST_INCLUDES:
        raise Broken(f"must be at most {_MOST_INCLUDES} names of relationships")
    return value


def _rows(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise Broken("must be a list of objects")
    if not 1 <= len(value) <= _MOST_INPUTS:
        raise Broken(f"must have 1 to {_MOST_INPUTS:,} objects; send more as a file")
    return value


_TRIGGERS = (
    writables.flag(_INTERRUPT, create=False, meaning="Stop it after the rows under way."),
    writables.flag(_START, create=False, meaning="Let an interrupted one go on."),
)
_PROGRESS = (time("started_at"), time("completed_at"), time("interrupted_at"))
_STATUS = text("status", nullable=False, one_of=tuple(TransferStatus))

EXPORTS = ResourceType(
    "exports",
    ids=PublicIds.exports,
    table=exports,
    scope=own_mode,
    attributes=(
        text("resource_type", nullable=False, one_of=(ALL, *EXPORTED)),
        text("format", one_of=FORMATS),
        _STATUS,
        Attribute("includes", Type.TEXTS, lambda row: row["includes"] or [], nullable=False),
        json_object("filters", nullable=False, meaning="Predicates and values."),
        Attribute(
            "fields",
            Type.TEXTS,
            lambda row: row["fields"],
            meaning="The only columns that are written.",
        ),
        flag("dry_data", nullable=True, meaning="Whether ids and times of rows are left out."),
        computed(
            _JWT_FILTERS,
            Type.BOOLEAN,
            lambda _row: True,
            nullable=False,
            meaning="Always: the records are those of the token's mode.",
        ),
        Attribute(
            "records_count",
            Type.INTEGER,
            lambda row: row["total_count"],
            "total_count",
            meaning="The records to write; null until they are counted.",
        ),
        Attribute(
            "processed_count",
            Type.INTEGER,
            lambda row: row["records_count"],
            "records_count",
            nullable=False,
            meaning="The records that are written.",
        ),
        computed("progress", Type.INTEGER, _progress, nullable=False, meaning="In percent."),
        computed("estimated_completion_at", Type.TIME, _estimate_end),
        Attribute(
            "attachment_url",
            Type.TEXT,
            _attachment_url,
            secret=True,
            is_link=True,
            meaning="The finished file; several files are in a ZIP archive. Anyone with the URL can "
            "download it. Shown to tokens with the scope write.",
        ),
        json_object("errors_log", meaning="Ours: why it ended early."),
        *_PROGRESS,
        *common(),
    ),
    relationships=(events_of("exports"),),
    writables=(
        writables.choice("resource_type", (ALL, *EXPORTED), required=True, update=False),
        writables.choice("format", FORMATS, update=False, meaning="`json` if left out."),
        Writable(
            "includes",
            Type.TEXTS,
            _names,
            update=False,
            meaning="What else to export, such as line_items.",
        ),
        Writable(
            "fields",
            Type.TEXTS,
            _names,
            update=False,
            meaning="The only columns to write: number, line_items.sku_code, customer.*",
        ),
        writables.flag(
            "dry_data", nullable=True, update=False, meaning="Leave out ids and times of rows."
        ),
        writables.flag(
            _JWT_FILTERS, nullable=True, update=False, meaning="Has no effect: it is always so."
        ),
        writables.json_object(
            "filters", update=False, meaning='All of them must fit: `{"status_eq": "placed"}`.'
        ),
        *_TRIGGERS,
        *writables.common(),
    ),
    creatable=True,
    updatable=True,
    deletable=True,
    hooks=_hooks(exports, _fill_export),
    meaning="Rows of a resource as a file that an import can read.",
)

IMPORTS = ResourceType(
    "imports",
    ids=PublicIds.imports,
    table=imports,
    scope=own_mode,
    attributes=(
        text("resource_type", nullable=False, one_of=tuple(IMPORTED)),
        text("format", meaning="That of the uploaded file, or of the client."),
        computed(_PARENT, Type.TEXT, lambda _row: None, meaning="Always null."),
        _STATUS,
        Attribute(
            "inputs",
            Type.OBJECTS,
            lambda row: row["inputs"] or [],
            nullable=False,
            meaning="The rows, if given.",
        ),
        integer("inputs_size", meaning="How many rows there are; null until a file is read."),
        integer("processed_count", nullable=False, meaning="The rows that are checked."),
        integer("imported_count", nullable=False, meaning="Ours: the rows that were written."),
        integer("errors_count", nullable=False, meaning="The rows with errors."),
        computed(
            "warnings_count", Type.INTEGER, lambda _row: 0, nullable=False, meaning="Always 0."
        ),
        computed("warnings_log", Type.OBJECT, lambda _row: None, meaning="Always null."),
        flag("skip_errors", nullable=True, meaning="False: too many errors end it."),
        computed("attachment_url", Type.TEXT, lambda _row: None, meaning="Always null."),
        json_object("errors_log", meaning="What is wrong, by the number of the row and column."),
        *_PROGRESS,
        *common(),
    ),
    relationships=(events_of("imports"),),
    writables=(
        writables.choice("resource_type", tuple(IMPORTED), required=True, update=False),
        Writable(
            "inputs",
            Type.OBJECTS,
            _rows,
            update=False,
            meaning="The rows, with the columns of a file. Or upload a file.",
        ),
        writables.choice(
            "format",
            _IMPORT_FORMATS,
            update=False,
            meaning="What the client made the inputs of. An uploaded file has its own.",
        ),
        writables.flag(
            "skip_errors",
            nullable=True,
            update=False,
            meaning="False: stop when more than 10 % of the rows have errors.",
        ),
        writables.text(_PARENT, update=False, meaning="Must be null."),
        *_TRIGGERS,
        *writables.common(),
    ),
    creatable=True,
    updatable=True,
    deletable=True,
    takes_file=True,
    hooks=_hooks(imports, _fill_import),
    meaning="Rows to import, through the checks of a file.",
)
