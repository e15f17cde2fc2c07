"""Exports and imports that clients requested through the HTTP API."""

from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory

from prefect import get_run_logger
from prefect.runtime import flow_run

from order_factory.flows.support.exporting import select_by_filters, write_export
from order_factory.flows.support.shop_flow import shop_flow
from order_factory.models.database.identity import shop_id
from order_factory.models.database.process_locks import try_hold_lock
from order_factory.models.database.retrying import may_succeed_again, read, write
from order_factory.models.database.schema import require_schema
from order_factory.models.errors import OrderFactoryError
from order_factory.models.results.progress import show_progress_with
from order_factory.models.values.statuses import Mode
from order_factory.tasks.exports.checkpoints import ExportPlace, digest_selection
from order_factory.tasks.exports.formats import find_format
from order_factory.tasks.exports.writing import ExportRun
from order_factory.tasks.import_file import import_file
from order_factory.tasks.imports.files import ImportFile
from order_factory.tasks.imports.reading import open_source
from order_factory.tasks.imports.rejects import RejectsFile
from order_factory.tasks.imports.tally import Tally
from order_factory.tasks.transfers.files import (
    read_errors,
    store_result,
    write_inputs,
    zip_files,
)
from order_factory.tasks.transfers.records import (
    TooManyErrors,
    Transfer,
    TransferStopped,
    begin_next,
    complete,
    exports,
    interrupt,
    note_errors,
    note_progress,
)

_FOLDER = Path("var/exports")
# A client sees the progress after each chunk.
_CHUNK_ROWS = 2_000


@shop_flow(name="transfer-records", flow_run_name="run exports and imports")
def transfer_records() -> int:
    """Run the exports and imports that were requested over HTTP. Returns the number that ended.

    One process at a time runs them. While `order-factory serve` runs, it runs them, and another run
    ends without work. If a run died, the next one continues: an export on the same machine goes on
    at its checkpoint, and an import skips the rows that are stored.
    """
    require_schema()
    ended = 0
    with try_hold_lock("transfers") as lock:
        if lock is None:
            get_run_logger().info("another process runs the exports and imports")
            return ended
        while (transfer := write(lambda db: begin_next(db, flow_run.id))) is not None:
            _run_transfer(transfer)
            ended += 1
    return ended


def _run_transfer(transfer: Transfer) -> None:
    """Run one export or import to its end. Its errors go to its `errors_log`."""
    label = f"{transfer.table.name.removesuffix('s')} {transfer.public_id}"
    try:
        if transfer.table is exports:
            _export(transfer)
        else:
            _import(transfer)
    except TransferStopped:
        write(lambda db: interrupt(db, transfer, None))
        get_run_logger().info("%s was interrupted", label)
    except OrderFactoryError as error:
        if may_succeed_again(error):
            raise
        message = str(error)
        write(lambda db: interrupt(db, transfer, {"base": [message]}))
        get_run_logger().warning("%s failed", label)
    else:
        get_run_logger().info("%s is completed", label)


def _export(transfer: Transfer) -> None:
    row, shop = transfer.row, read(shop_id)
    mode, format_name, name = row["mode"], row["format"], row["resource_type"]
    selection = select_by_filters(
        name,
        mode,
        row["includes"] or [],
        row["filters"] or {},
        fields=row["fields"] or [],
        dry=bool(row["dry_data"]),
    )
    folder = _FOLDER / f"{shop[:8]}-{transfer.public_id}"
    is_folder = len(selection.resources) > 1
    path = folder / name if is_folder else folder / f"{name}.{format_name}"
    place = ExportPlace(path, format_name, is_folder=is_folder)
    with place.hold():
        checkpoint = place.read_checkpoint(digest_selection({"shop": shop, "id": transfer.key}))
        run = ExportRun(selection, place, find_format(format_name), checkpoint)

        def is_stopped() -> bool:
            records = {"records_count": run.checkpoint.records, "total_count": run.total}
            try:
                write(lambda db: note_progress(db, transfer, records))
            except TransferStopped:
                return True
            return False

        if not write_export(run, is_stopped):
            raise TransferStopped
        files = [place.file_path(each.name) for each in run.finish()]
    if is_folder:
        path = folder / f"{name}.zip"
        zip_files(files, path)
    store_result(transfer, path)
    counts = {"records_count": run.checkpoint.records, "total_count": run.checkpoint.records}
    write(lambda db: complete(db, transfer, counts))
    rmtree(folder, ignore_errors=True)


def _import(transfer: Transfer) -> None:
    row, tally, ended_by = transfer.row, Tally(), list[TooManyErrors]()

    def counts() -> dict[str, int]:
        return {
            "processed_count": tally.read,
            "imported_count": tally.imported + tally.updated,
            "errors_count": tally.rejected + tally.different,
        }

    def on_progress(step: str, done: int, total: int | None) -> None:
        write(lambda db: note_progress(db, transfer, counts()))
        errors = tally.rejected + tally.different
        if row["skip_errors"] is False and errors > (row["inputs_size"] or total or 0) // 10:
            ended_by.append(TooManyErrors(errors))
            raise TransferStopped

    with TemporaryDirectory() as folder:
        path = read(lambda db: write_inputs(db, transfer, Path(folder)))
        file = ImportFile(path, row["resource_type"])
        open_source(file)
        rejects = RejectsFile(Path(folder) / "rejects.csv")
        try:
            with show_progress_with(on_progress):
                import_file(file, Mode(row["mode"]), rejects, _CHUNK_ROWS, tally, False)
        finally:
            errors_found = read_errors(rejects.path)
            if errors_found is not None:
                log = errors_found | (
                    {"base": [str(each) for each in ended_by]} if ended_by else {}
                )
                write(lambda db: note_errors(db, transfer, log))
    ended = {**counts(), "inputs_size": tally.read, "file_id": None}
    write(lambda db: complete(db, transfer, ended, drops_file=True))
