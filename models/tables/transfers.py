"""Exports and imports that were requested over HTTP."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, SmallInteger, String, false, text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from order_factory.models.tables.base import (
    Base,
    Described,
    Id,
    Json,
    JsonList,
    Moded,
    partial_index,
)
from order_factory.models.values.statuses import TransferStatus

_WAITS = "status IN ('pending', 'in_progress')"


class Transfer(Described, Moded):
    """The common columns of exports and imports. Every time is UTC.

    `must_stop` is set if a client asks to interrupt a transfer in progress. `tries` counts the runs
    that started it. `errors_log` maps the number of an input, or `base`, to its problems. Source:
    Commerce Layer API reference, export and import objects; `tries` is our own.
    """

    resource_type: Mapped[str] = mapped_column(String(32))
    format: Mapped[str | None] = mapped_column(String(8))
    status: Mapped[TransferStatus] = mapped_column(
        String(16), server_default=TransferStatus.PENDING
    )
    must_stop: Mapped[bool] = mapped_column(server_default=false())
    tries: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    flow_run_id: Mapped[str | None] = mapped_column(String(36))
    errors_log: Mapped[Json | None]
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    interrupted_at: Mapped[datetime | None]

    @declared_attr
    @classmethod
    def file_id(cls) -> Mapped[int | None]:
        return mapped_column(ForeignKey("stored_files.id"))


class Export(Transfer, Base):
    """An export of the rows of a resource, and of included rows, to a file.

    `file_id` is the file. It is incomplete while the export is `in_progress`. A client that has the
    `attachment_key` may download it. `total_count` is null until the rows are counted.
    """

    __tablename__ = "exports"
    __table_args__ = (
        partial_index("ix_exports_waiting", "id", where=_WAITS),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    includes: Mapped[list[str] | None] = mapped_column(JsonList)
    filters: Mapped[Json | None]
    fields: Mapped[list[str] | None] = mapped_column(JsonList)
    dry_data: Mapped[bool | None]
    attachment_key: Mapped[str | None] = mapped_column(String(64))
    total_count: Mapped[int | None]
    records_count: Mapped[int] = mapped_column(server_default=text("0"))


class Import(Transfer, Base):
    """An import of rows: the `inputs`, or an uploaded file.

    `processed_count` rows are checked, and imported if they are valid. `errors_count` of them are
    invalid, or differ from existing rows. Without `skip_errors`, many errors end the import.
    """

    __tablename__ = "imports"
    __table_args__ = (
        partial_index("ix_imports_waiting", "id", where=_WAITS),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    inputs: Mapped[list[dict[str, Any]] | None] = mapped_column(JsonList)
    inputs_size: Mapped[int | None]
    skip_errors: Mapped[bool | None]
    processed_count: Mapped[int] = mapped_column(server_default=text("0"))
    imported_count: Mapped[int] = mapped_column(server_default=text("0"))
    errors_count: Mapped[int] = mapped_column(server_default=text("0"))
