"""Running a flow from the command line, with a Prefect server of its own where there is no other."""

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
from order_factory.cli.progress import showing_progress
from order_factory.cli.temporary_prefect import TemporaryPrefect
from order_factory.cli.terminal import Terminal
from order_factory.models.errors import InvalidRequest, OrderFactoryError

R = TypeVar("R")


class PrefectNotReady(OrderFactoryError):
    """Takes the server's address, or words for it, and what went wrong."""

    status, code = 503, "prefect_not_ready"
    detail = "{} cannot be reached ({}); nothing was changed."


def start_prefect(terminal: Terminal) -> None:
    """Import Prefect and our flows, and see that Prefect's server answers.

    Where no server is named and none runs in this folder, one is started for this command alone.
    It loads for some four seconds of one core, and so do the flows here, at the same time.
    Raises `PrefectNotReady`, and `InvalidRequest` for a setting with a wrong value.
    """
    prepare_prefect(verbose=terminal.verbose)
    with terminal.working("Loading Prefect ...") as say, _without_garbage_collection():
        server = None
        if not _is_server_named():
            say("Starting a Prefect server for this command ...")
            server = TemporaryPrefect()
            _refresh_settings()
        try:
            import_module("order_factory.flows")
        except ValidationError as error:
            raise InvalidRequest(_wrong_settings(error)) from error
        if server is not None:
            try:
                server.wait()
            except OSError as error:
                raise PrefectNotReady("Prefect's temporary server", error) from error
    require_server(terminal)


def require_server(terminal: Terminal) -> None:
    """See that the server of PREFECT_API_URL answers, and knows us.

    Raises `PrefectNotReady`, and `InvalidRequest` for a setting with a wrong value.
    """
    server = f"Prefect's server at {_api_url()}"
    with terminal.working(f"Connecting to {server} ..."):
        try:
            problem = _check()
        except Exception as error:
            raise PrefectNotReady(server, _problem(error)) from error
        if problem is not None:
            raise PrefectNotReady(server, _problem(problem))


def _is_server_named() -> bool:
    """Whether any of Prefect's settings names a server; Prefect is only asked where one might."""
    if os.environ.get("PREFECT_API_URL"):
        return True
    home = Path(os.environ.get("PREFECT_HOME", "~/.prefect")).expanduser()
    files = [Path("prefect.toml"), Path("pyproject.toml"), home / "profiles.toml"]
    if "prefect" not in sys.modules and not any(file.exists() for file in files):
        return False
    return bool(_api_url())


def _api_url() -> str | None:
    try:
        from prefect.settings import PREFECT_API_URL

        url: str | None = PREFECT_API_URL.value()
    except ValidationError as error:
        raise InvalidRequest(_wrong_settings(error)) from error
    return url


def _refresh_settings() -> None:
    """Have Prefect read the environment again, if it has read it already."""
    if "prefect.context" in sys.modules:
        from prefect.context import refresh_global_settings_context

        refresh_global_settings_context()


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Imports make objects that stay; looking through them takes a tenth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _check() -> Exception | None:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        problem = client.api_healthcheck()
        if problem is None:
            # Health is told to everybody; this wants the login, where the server has one.
            client.request("GET", "/admin/version")
        return problem


def run_flow(terminal: Terminal, doing: str, flow: Callable[[], R]) -> R:
    """What the flow returns; its progress is shown, under `doing` until it tells of a step."""
    with showing_progress(terminal, doing):
        return flow()


def _wrong_settings(error: ValidationError) -> str:
    wrong = error.errors(include_url=False, include_input=False, include_context=False)
    message = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in wrong)
    return f"A PREFECT_... setting has a wrong value ({error.title}: {message})."


def _problem(error: Exception) -> str:
    if getattr(getattr(error, "response", None), "status_code", None) == 401:
        return "it wants another login; set PREFECT_API_AUTH_STRING to its user:password"
    return str(error).split("\n", 1)[0] or type(error).__name__
