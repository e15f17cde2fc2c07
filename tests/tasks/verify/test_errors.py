"""Damage to the errors of factories, their counts and their logs is found."""

import pytest

from tests.support.damage import Damage


def _log(changes: str, copy: str) -> Damage:
    return Damage("errors-log", f"UPDATE order_factories SET {changes} WHERE id = :{copy}", copy)


_NEW_ERROR = (
    "INSERT INTO copy_errors (order_factory_id, field, code, message) "
    "VALUES (:{}, 'status', 'another', 'something is wrong')"
)

DAMAGES = [
    Damage(
        "errors-count", "UPDATE order_factories SET errors_count = 7 WHERE id = :failed", "failed"
    ),
    Damage(
        "errors-count", "UPDATE order_factories SET errors_count = 1 WHERE id = :plain", "plain"
    ),
    Damage("errors-count", "DELETE FROM copy_errors WHERE id = :failed_error", "failed"),
    Damage("errors-log", "DELETE FROM copy_errors WHERE id = :failed_error", "failed"),
    Damage("errors-log", _NEW_ERROR.format("plain"), "plain"),
    Damage("errors-log", "UPDATE copy_errors SET message = '?' WHERE id = :failed_error", "failed"),
    Damage("errors-log", "UPDATE copy_errors SET field = '?' WHERE id = :failed_error", "failed"),
    # Moves the first message of its field behind the others.
    Damage(
        "errors-log", "UPDATE copy_errors SET id = 999999 WHERE id = :failed_line_error", "failed"
    ),
    _log("errors_log = NULL", "failed"),
    _log("errors_log = '{}'", "failed"),
    _log("errors_log = '{}'", "plain"),
    _log("""errors_log = '{"status": []}'""", "plain"),
    _log("""errors_log = '{"status": "late"}'""", "plain"),
    _log("errors_log = '[\"late\"]'", "plain"),
    _log("errors_log = 'null'", "plain"),
    Damage("errors-need-a-reason", _NEW_ERROR.format("plain"), "plain"),
    Damage("errors-need-a-reason", _NEW_ERROR.format("pending"), "pending"),
    Damage(
        "errors-need-a-reason",
        "UPDATE order_factories SET skip_errors = false WHERE id = :skipped",
        "skipped",
    ),
    Damage(
        "failed-has-errors", "DELETE FROM copy_errors WHERE order_factory_id = :failed", "failed"
    ),
    Damage(
        "errors-name-own-lines",
        "UPDATE copy_errors SET line_item_id = :plain_origin WHERE id = :failed_error",
        "failed",
    ),
    Damage(
        "errors-name-own-lines",
        "UPDATE copy_errors SET line_item_id = 999999 WHERE id = :failed_error",
        "failed",
    ),
]


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_verify_finds_it(damage, reports, shown):
    report = reports(damage)

    assert (report.violations, report.examples) == (1, shown(damage))
