"""Running a flow from the command line, with a temporary Prefect server when there is no other."""

import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from order_factory.cli.environment import prepare_prefect
from order_factory.cli.progress import show_bars
from order_factory.cli.temporary_prefect import TemporaryPrefect
from order_factory.cli.terminal import Terminal
from order_factory.models.errors import InvalidRequest, OrderFactoryError

R = TypeVar("R")

# Prefect imports these when a flow runs. Here they load while the server starts.
_LOADED_BY_FIRST_RUN = ("prefect.flow_engine", "prefect.task_engine", "fastapi.encoders")


class PrefectNotReady(OrderFactoryError):
    """Prefect's server does not answer. Arguments: the server and the problem."""

    status, code = 503, "prefect_not_ready"
    detail = "{} cannot be reached ({}). Nothing was changed."


def start_prefect(terminal: Terminal) -> None:
    """Import Prefect and the flows, and check that Prefect's server answers.

    When no server is set and none runs in this folder, a temporary one is started for this command.
    It starts in about four seconds, while the flows are imported here.
    Raises `PrefectNotReady`, and `InvalidRequest` for a setting with a wrong value.
    """
    prepare_prefect(verbose=terminal.verbose)
    with terminal.working("Loading Prefect ...") as update, _pause_garbage_collection():
        server = None
        if not _is_server_named():
            update("Starting a temporary Prefect server, which takes a few seconds ...")
            server = TemporaryPrefect()
            _refresh_settings()
        try:
            for name in ("order_factory.flows", *_LOADED_BY_FIRST_RUN):
                import_module(name)
        except ValidationError as error:
            raise InvalidRequest(_describe_wrong_settings(error)) from error
        if server is not None:
            try:
                server.wait()
            except OSError as error:
                raise PrefectNotReady("Prefect's temporary server", error) from error
    require_server(terminal)


def start_temporary_prefect() -> None:
    """Start a temporary Prefect server, if no server is set, and wait for its answer.

    Raises `PrefectNotReady`.
    """
    if _is_server_named():
        return
    server = TemporaryPrefect()
    _refresh_settings()
    try:
        server.wait()
    except OSError as error:
        # The next attempt starts another server.
        del os.environ["PREFECT_API_URL"]
        _refresh_settings()
        raise PrefectNotReady("Prefect's temporary server", error) from error


def require_server(terminal: Terminal) -> None:
    """Check that the server of PREFECT_API_URL answers and accepts the login.

    Raises `PrefectNotReady`, and `InvalidRequest` for a setting with a wrong value.
    """
    server = f"Prefect's server at {_get_api_url()}"
    with terminal.working(f"Connecting to {server} ..."):
        try:
            problem = _check_server()
        except Exception as error:
            raise PrefectNotReady(server, _describe_problem(error)) from error
        if problem is not None:
            raise PrefectNotReady(server, _describe_problem(problem))


def _is_server_named() -> bool:
    """Whether Prefect's settings name a server; imports Prefect only if a settings file exists."""
    if os.environ.get("PREFECT_API_URL"):
        return True
    home = Path(os.environ.get("PREFECT_HOME", "~/.prefect")).expanduser()
    files = [Path("prefect.toml"), Path("pyproject.toml"), home / "profiles.toml"]
    if "prefect" not in sys.modules and not any(file.exists() for file in files):
        return False
    return bool(_get_api_url())


def _get_api_url() -> str | None:
    try:
        from prefect.settings import PREFECT_API_URL

        url: str | None = PREFECT_API_URL.value()
    except ValidationError as error:
        raise InvalidRequest(_describe_wrong_settings(error)) from error
    return url


def _refresh_settings() -> None:
    """Make Prefect read the environment again, if it is imported already."""
    if "prefect.context" in sys.modules:
        from prefect.context import refresh_global_settings_context

        refresh_global_settings_context()


@contextmanager
def _pause_garbage_collection() -> Iterator[None]:
    """Switch garbage collection off during imports, which makes them a tenth faster."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _check_server() -> Exception | None:
    from order_factory.tasks.prefect_ui.prefect_calls import open_client

    with open_client() as client:
        problem = client.api_healthcheck()
        if problem is None:
            # The health check needs no login; this request does.
            client.request("GET", "/admin/version")
        return problem


def run_flow(terminal: Terminal, title: str, flow: Callable[[], R]) -> R:
    """The flow's result; shows its progress, with this title until its first step."""
    with show_bars(terminal, title):
        return flow()


def _describe_wrong_settings(error: ValidationError) -> str:
    wrong = error.errors(include_url=False, include_input=False, include_context=False)
    message = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in wrong)
    return f"A PREFECT_... setting has a wrong value ({error.title}: {message})."


def _describe_problem(error: Exception) -> str:
    if getattr(getattr(error, "response", None), "status_code", None) == 401:
        return "it refused the login; set PREFECT_API_AUTH_STRING to its user:password"
    return str(error).split("\n", 1)[0] or type(error).__name__
