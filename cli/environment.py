"""The environment variables for Prefect: the user's own settings, and defaults for the others."""

import os

from dotenv import load_dotenv

_SETTINGS = {
    # Without this, each synchronous flow run waits a second for its heartbeat to end.
    "PREFECT_FLOWS": '{"heartbeat_frequency": null}',
    # By default, the server records task runs one by one. That is so slow that its SQLite database
    # answers "locked" and clients wait for two seconds.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    # The first start creates the server's database, which takes longer than the default timeout.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "90",
    # By default, the leases are in memory, and a restarted server forgets which run holds a slot.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    # No telemetry, and no advertising in the log and the UI.
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "DO_NOT_TRACK": "1",
}
# The log still goes to Prefect's server, where the UI shows it.
_QUIET = {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"}
# Other variables with which a user can set the same.
_ALTERNATIVES = {
    "PREFECT_FLOWS": "PREFECT_FLOWS_HEARTBEAT_FREQUENCY",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "PREFECT_LOGGING_LEVEL",
}
# The login that Prefect's server requires, and the login that a client sends: `user:password`.
SERVER_LOGIN, LOGIN = "PREFECT_SERVER_API_AUTH_STRING", "PREFECT_API_AUTH_STRING"
_PROXIES = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
_LOCAL = "127.0.0.1,localhost"


def load_env_file() -> None:
    """Load the `.env` file of the current folder; environment variables take precedence."""
    load_dotenv(".env")


def prepare_prefect(*, verbose: bool) -> None:
    """Set the variables that Prefect reads at its import; without `verbose`, its log is hidden."""
    settings = _SETTINGS if verbose else _SETTINGS | _QUIET
    for name, value in settings.items():
        if _ALTERNATIVES.get(name, name) not in os.environ:
            os.environ.setdefault(name, value)
    if SERVER_LOGIN in os.environ:
        os.environ.setdefault(LOGIN, os.environ[SERVER_LOGIN])
    # Without this, Prefect would use the proxy for its server on this machine.
    if any(name in os.environ for name in _PROXIES):
        excepted = os.environ.get("NO_PROXY") or os.environ.get("no_proxy")
        os.environ["NO_PROXY"] = f"{excepted},{_LOCAL}" if excepted else _LOCAL


def prepare_worker() -> None:
    """Set the variables for a worker: its log is shown, and its flow runs send heartbeats.

    Without heartbeats, Prefect cannot distinguish a killed run from one that is running.
    """
    given = os.environ.get("PREFECT_FLOWS")
    prepare_prefect(verbose=True)
    if given is None:
        os.environ.pop("PREFECT_FLOWS", None)
