"""Running a flow from the command line, with Prefect's own server where there is no other."""

from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from threading import Thread
from typing import TypeVar

from pydantic import ValidationError

from order_factory.cli.environment import prepare_prefect
from order_factory.cli.progress import showing_progress
from order_factory.cli.terminal import Terminal
from order_factory.models.errors import InvalidRequest, OrderFactoryError

R = TypeVar("R")


class PrefectNotReady(OrderFactoryError):
    """Takes the server's address, or words for it, and what went wrong."""

    status, code = 503, "prefect_not_ready"
    detail = "{} cannot be reached ({}); nothing was changed."


def start_prefect(terminal: Terminal) -> None:
    """Import Prefect and make sure that its server answers, which can take 20 seconds.

    Raises `PrefectNotReady`, and `InvalidRequest` for a setting with a wrong value.
    """
    prepare_prefect(verbose=terminal.verbose)
    with terminal.working("Loading Prefect ...") as say:
        try:
            from prefect.settings import PREFECT_API_URL

            address = PREFECT_API_URL.value()
        except ValidationError as error:
            raise InvalidRequest(_told_settings(error)) from error
        if address:
            server = f"Prefect's server at {address}"
            say(f"Connecting to {server} ...")
        else:
            server = "Prefect's own server"
            say("Starting Prefect's own server (up to 20 seconds the first time) ...")
        try:
            problem = _sheltered(_check)
        except Exception as error:
            raise PrefectNotReady(server, _told(error)) from error
        if problem is not None:
            raise PrefectNotReady(server, _told(problem))


def _check() -> Exception | None:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        return client.api_healthcheck()


def _sheltered(work: Callable[[], R]) -> R:
    """Do it in a thread of its own, so that only what it starts is kept from Ctrl-C."""
    from order_factory.flows.support.signal_shield import children_sheltered

    done: Future[R] = Future()

    def run() -> None:
        with children_sheltered():
            try:
                done.set_result(work())
            except BaseException as error:  # noqa: BLE001  (it is raised below)
                done.set_exception(error)

    Thread(target=copy_context().run, args=(run,), daemon=True).start()
    return done.result()


def run_flow(terminal: Terminal, doing: str, flow: Callable[[], R]) -> R:
    """What the flow returns; its progress is shown, under `doing` until it tells of a step."""
    with showing_progress(terminal, doing):
        return flow()


def _told_settings(error: ValidationError) -> str:
    wrong = error.errors(include_url=False, include_input=False, include_context=False)
    message = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in wrong)
    return f"A PREFECT_... setting has a wrong value ({error.title}: {message})."


def _told(error: Exception) -> str:
    return str(error).split("\n", 1)[0] or type(error).__name__
