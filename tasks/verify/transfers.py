"""Exports and imports: times match the status, counts match each other, files are complete."""

from typing import Any

from sqlalchemy import Select, exists, func, not_, or_, select

from order_factory.models.tables import Export, Import, StoredFilePiece
from order_factory.models.values.public_ids import Resource
from order_factory.models.values.statuses import TransferStatus
from order_factory.tasks.verify.invariants import Invariant
from order_factory.tasks.working_set.statements import table_of

exports, imports, _piece = table_of(Export), table_of(Import), table_of(StoredFilePiece)
_RAN = (TransferStatus.IN_PROGRESS, TransferStatus.COMPLETED)


def _find_times_against_status(table: Any) -> Select[Any]:
    is_completed = table.c.status == TransferStatus.COMPLETED
    is_interrupted = table.c.status == TransferStatus.INTERRUPTED
    return select(table.c.id).where(
        or_(
            is_completed != table.c.completed_at.is_not(None),
            is_interrupted != table.c.interrupted_at.is_not(None),
            table.c.status.in_(_RAN) & table.c.started_at.is_(None),
            table.c.completed_at < table.c.started_at,
        )
    )


def _find_wrong_import_counts() -> Select[Any]:
    is_completed = imports.c.status == TransferStatus.COMPLETED
    return select(imports.c.id).where(
        or_(
            imports.c.imported_count + imports.c.errors_count > imports.c.processed_count,
            is_completed & (imports.c.processed_count != imports.c.inputs_size),
            (imports.c.errors_count > 0) & is_completed & imports.c.errors_log.is_(None),
        )
    )


def _find_wrong_export_counts() -> Select[Any]:
    is_completed = exports.c.status == TransferStatus.COMPLETED
    return select(exports.c.id).where(
        or_(
            exports.c.records_count > exports.c.total_count,
            is_completed & (exports.c.records_count != exports.c.total_count),
        )
    )


def _find_without_file() -> Select[Any]:
    """Select the completed exports whose file is missing, or lacks a piece between two others."""
    pieces = _piece.c.file_id == exports.c.file_id
    has_gap = select(func.max(_piece.c.number) != func.count()).where(pieces).scalar_subquery()
    return select(exports.c.id).where(
        exports.c.status == TransferStatus.COMPLETED,
        or_(exports.c.file_id.is_(None), not_(exists().where(pieces)), has_gap),
    )


_TIMES = (
    "Only a completed transfer has the time of its completion, only an interrupted transfer that "
    "of its interruption, and every transfer that was started has a start."
)

INVARIANTS = (
    Invariant(
        "export-times-fit-status", _TIMES, Resource.exports, _find_times_against_status(exports)
    ),
    Invariant(
        "import-times-fit-status", _TIMES, Resource.imports, _find_times_against_status(imports)
    ),
    Invariant(
        "export-count",
        "A completed export has written all records that it counted. No export has written more.",
        Resource.exports,
        _find_wrong_export_counts(),
    ),
    Invariant(
        "import-count",
        "An import has at most as many imported and wrong rows as checked rows. A completed import "
        "has checked all of its rows, and logs its errors.",
        Resource.imports,
        _find_wrong_import_counts(),
    ),
    Invariant(
        "export-has-file",
        "A completed export has a file with all of its pieces.",
        Resource.exports,
        _find_without_file(),
    ),
)
