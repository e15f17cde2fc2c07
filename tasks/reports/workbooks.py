"""Writing Excel workbooks."""

from xlsxwriter import Workbook
from xlsxwriter.exceptions import FileCreateError


def close_workbook(book: Workbook) -> None:
    """Write the workbook to its file. Raises `OSError` if it cannot be written."""
    try:
        book.close()
    except FileCreateError as error:
        # XlsxWriter wraps the error of the system.
        raise error.args[0] from None
