"""The embedded PostgreSQL: what it leaves behind."""

import os
from pathlib import Path

from order_factory.cli.system import postgres


def test_each_start_uses_the_same_runtime_folder(tmp_path, monkeypatch):
    class _Started(Exception):
        pass

    def start(*_, **__):
        raise _Started(os.environ["XDG_RUNTIME_DIR"])

    monkeypatch.setattr(postgres, "start_server", start)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()

    used = []
    for _ in range(3):
        monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
        try:
            postgres.EmbeddedPostgres(tmp_path / "var" / "postgres").start()
        except _Started as started:
            used.append(Path(str(started)))

    assert used == list((tmp_path / "temporary").iterdir()) * 3
