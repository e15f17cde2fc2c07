"""Damage to exports and imports is found."""

import pytest

from tests.support.damage import Damage

DAMAGES = [
    *(
        Damage(
            f"{name}-times-fit-status",
            f"UPDATE {name}s SET {change} WHERE id = :{name}",
            name,
        )
        for name in ("export", "import")
        for change in (
            "completed_at = NULL",
            "started_at = NULL",
            "started_at = :later",
            "status = 'in_progress'",
            "status = 'interrupted', completed_at = NULL",
        )
    ),
    Damage("export-count", "UPDATE exports SET records_count = 2 WHERE id = :export", "export"),
    Damage("export-count", "UPDATE exports SET records_count = 4 WHERE id = :export", "export"),
    *(
        Damage("import-count", f"UPDATE imports SET {change} WHERE id = :import", "import")
        for change in ("imported_count = 2", "inputs_size = 3", "errors_log = NULL")
    ),
    Damage("export-has-file", "UPDATE exports SET file_id = NULL WHERE id = :export", "export"),
    *(
        Damage(
            "export-has-file",
            f"DELETE FROM stored_file_pieces WHERE file_id = :export_file AND number <= {last}",
            "export",
        )
        for last in (1, 2)
    ),
]


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_it_is_found(damage, reports, shown):
    report = reports(damage)

    assert (report.violations, report.examples) == (1, shown(damage))
