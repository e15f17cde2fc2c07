"""A spool of copy errors: it keeps them in a file while the copying is rolled back."""

import json
from tempfile import TemporaryFile
from typing import Self

from sqlalchemy import Connection, insert, select

from order_factory.models.tables import CopyError, OrderFactory
from order_factory.models.values.error_codes import ErrorCode
from order_factory.tasks.working_set.statements import table_of

_ROWS_AT_ONCE = 10_000
_error = table_of(CopyError)
_COLUMNS = ("order_factory_id", "field", "code", "message", "line_item_id", "sku_code")
# A target order that is rolled back has no status to report.
_CODES = {ErrorCode.CANNOT_BE_PLACED: ErrorCode.COULD_NOT_BE_PLACED}


class ErrorSpool:
    """The rows of `copy_errors` of one batch. They are in a temporary file, to save memory."""

    def __enter__(self) -> Self:
        self._file = TemporaryFile("w+", encoding="utf-8")
        return self

    def __exit__(self, *_exception: object) -> None:
        self._file.close()

    def save_errors(self, db: Connection, batch_id: int) -> int:
        """Save the batch's errors that this transaction sees. Returns their number."""
        count = 0
        rows = select(*(_error.c[name] for name in _COLUMNS))
        rows = rows.join(OrderFactory, OrderFactory.id == _error.c.order_factory_id)
        rows = rows.where(OrderFactory.batch_id == batch_id).order_by(_error.c.id)
        with db.execute(rows.execution_options(yield_per=_ROWS_AT_ONCE)) as streamed:
            for rows_of_part in streamed.partitions():
                count += len(rows_of_part)
                self._file.write(json.dumps([list(row) for row in rows_of_part]) + "\n")
        return count

    def restore_errors(self, db: Connection) -> None:
        """Insert the saved rows into `copy_errors` again, in the same order."""
        self._file.seek(0)
        for line in self._file:
            rows = [dict(zip(_COLUMNS, row, strict=True)) for row in json.loads(line)]
            errors = [row | {"code": _CODES.get(row["code"], row["code"])} for row in rows]
            db.execute(insert(_error), errors)
