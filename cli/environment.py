"""The environment that Prefect finds: the user's own settings, and ours where there are none."""

import os

from dotenv import load_dotenv

_SETTINGS = {
    # Each synchronous flow run would wait a second for its heartbeat to end.
    "PREFECT_FLOWS": '{"heartbeat_frequency": null}',
    # One by one, as is the default, the server records task runs so slowly that its SQLite
    # database answers "locked" and clients pause for two seconds.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    # The first start makes the server's database, which takes longer than it would be given.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "90",
    # In memory, as is the default, a restart of the server would forget which run holds a slot.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    # No telemetry, and no advert in the log and the UI.
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "DO_NOT_TRACK": "1",
}
# The log still goes to Prefect's server, where the UI shows it.
_QUIET = {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"}
# Where the user has said the same in another way.
_SAME = {
    "PREFECT_FLOWS": "PREFECT_FLOWS_HEARTBEAT_FREQUENCY",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "PREFECT_LOGGING_LEVEL",
}
# What Prefect's server asks for, and what a client shows it: `user:password`.
_SERVER_LOGIN, _LOGIN = "PREFECT_SERVER_API_AUTH_STRING", "PREFECT_API_AUTH_STRING"
_PROXIES = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
_LOCAL = "127.0.0.1,localhost"


def load_env_file() -> None:
    """Take over the `.env` file of the current folder; what is set already wins."""
    load_dotenv(".env")


def prepare_prefect(*, verbose: bool) -> None:
    """Set what Prefect reads when it is imported; without `verbose`, its log is not shown."""
    settings = _SETTINGS if verbose else _SETTINGS | _QUIET
    for name, value in settings.items():
        if _SAME.get(name, name) not in os.environ:
            os.environ.setdefault(name, value)
    if _SERVER_LOGIN in os.environ:
        os.environ.setdefault(_LOGIN, os.environ[_SERVER_LOGIN])
    # Prefect would ask the proxy for the server that it has started on this machine.
    if any(name in os.environ for name in _PROXIES):
        excepted = os.environ.get("NO_PROXY") or os.environ.get("no_proxy")
        os.environ["NO_PROXY"] = f"{excepted},{_LOCAL}" if excepted else _LOCAL


def prepare_worker() -> None:
    """The same for a worker: its log is shown, and its flow runs send heartbeats.

    Without heartbeats, Prefect could not tell a run that was killed from one that goes on.
    """
    given = os.environ.get("PREFECT_FLOWS")
    prepare_prefect(verbose=True)
    if given is None:
        os.environ.pop("PREFECT_FLOWS", None)
