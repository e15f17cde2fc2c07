"""The flow decorator of this project: readable errors, and parameters of any size."""

import gc
import inspect
import json
from collections.abc import Callable, Sequence
from functools import cache, lru_cache, wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from httpx import HTTPError
from prefect import Flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.states import Failed
from pydantic import ConfigDict, ValidationError, validate_call
from pydantic_core import to_jsonable_python
from sqlalchemy.exc import DBAPIError

from order_factory.flows.support.end_of_process import limit_end_of_process
from order_factory.flows.support.form_schema import build_form_signature
from order_factory.flows.support.quiet_failures import hide_expected_stack_traces
from order_factory.flows.support.shared_client import shared_client, wait_for_server_once
from order_factory.models.database.identity import explain_cut_off
from order_factory.models.database.retrying import read
from order_factory.models.database.transient import explain_refusal
from order_factory.models.errors import InvalidRequest, OrderFactoryError, PrefectAway
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.requests.problems import list_problems
from order_factory.models.values.copy_options import EVERY_OPTION
from order_factory.models.values.counts import format_count
from order_factory.models.values.frames import is_frame
from order_factory.models.values.option_signatures import make_signature
from order_factory.tasks.prefect_ui.prefect_calls import is_away

P = ParamSpec("P")
R = TypeVar("R")

# Prefect's server refuses a flow run if its parameters exceed 512 KiB of JSON together.
STORED_CHARACTERS = 50_000
STORED_VALUES = 1_000


class ShopFlow(Flow[P, R]):
    """A flow that shows large parameters in Prefect by their size only.

    The run itself gets the full parameters. Calls share a connection to the server, and raise
    `PrefectAway` if it does not answer when the run begins or ends.
    """

    if not TYPE_CHECKING:  # its types are those of Prefect's

        def __call__(self, *args, **kwargs):
            _freeze_loaded_objects()
            try:
                with shared_client():
                    return super().__call__(*args, **kwargs)
            except HTTPError as error:
                if not is_away(error):
                    raise
                raise PrefectAway("the state of the run", type(error).__name__) from error

    @property
    def __signature__(self) -> inspect.Signature:
        """The signature for Prefect's form; a run uses the function's own signature."""
        return build_form_signature(self.fn)

    def validate_parameters(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Refuse names that the flow does not know. The flow itself checks the values.

        Prefect's own check would log the values of the parameters, which may be private.
        """
        known = inspect.signature(self.fn).parameters
        unknown = [name for name in parameters if name not in known]
        if unknown:
            names = ", ".join(unknown)
            raise InvalidRequest(f"unknown parameters: {names}. The flow has: {', '.join(known)}.")
        return parameters

    def serialize_parameters(
        self, parameters: dict[str, PrefectFuture[Any] | State[Any] | Any]
    ) -> dict[str, Any]:
        # Shorten before encoding: encoding a long list takes longer than copying its orders.
        short = {name: _shorten(value) for name, value in parameters.items()}
        return {name: _limit_size(_encode(value)) for name, value in short.items()}


def shop_flow(
    *, not_in_form: Sequence[str] = (), **options: Any
) -> Callable[[Callable[P, R]], ShopFlow[P, R]]:
    """Decorate a function as a `ShopFlow`; the options are those of `prefect.flow`.

    Parameters are checked against their annotations. An `OrderFactoryError` fails the run, and its
    message becomes the state's message; wrong parameters are an `InvalidRequest`. The log shows no
    stack trace and no parameter values. A plain call raises the error. The Prefect form leaves out
    the parameters `not_in_form`; a caller and the form's JSON input can still give them.
    """

    def decorate(function: Callable[P, R]) -> ShopFlow[P, R]:
        hide_expected_stack_traces()
        run_checked = _add_error_handling(function)
        run_checked.not_in_form = frozenset(not_in_form)  # type: ignore[attr-defined]
        return ShopFlow(run_checked, **options)

    return decorate


def _add_error_handling(function: Callable[P, R]) -> Callable[P, R]:
    @wraps(function)
    def run_checked(*args: P.args, **kwargs: P.kwargs) -> Any:
        # By name: then an error names the parameter and not its position.
        given = inspect.signature(run_checked).bind(*args, **kwargs).arguments
        limit_end_of_process()
        wait_for_server_once()
        try:
            result = cast(R, _add_checks(function)(**given))
            _warn_if_cut_off()
            return result
        except OrderFactoryError as error:
            return Failed(message=str(error), data=error)
        except ValidationError as error:
            if error.title not in (function.__name__, CopyOptions.__name__):
                raise
            refused = InvalidRequest(_describe_problems(error))
            return Failed(message=str(refused), data=refused)
        except DBAPIError as error:
            # Prefect would log the error, and the driver's message may quote a row.
            unnamed = explain_refusal(error)
            return Failed(message=str(unnamed), data=unnamed)

    signature = make_signature(function, lambda option: option.annotation)
    run_checked.__signature__ = signature  # type: ignore[attr-defined]
    run_checked.__doc__ = _build_docstring(function, signature)
    return run_checked


def _build_docstring(function: Callable[..., Any], signature: inspect.Signature) -> str | None:
    """The function's docstring with a line for each copy option; its last section is `Args`."""
    text = inspect.getdoc(function)
    options = [option for option in EVERY_OPTION if option.name in signature.parameters]
    return "\n".join([text or "", *(f"    {each.name}: {each.description}" for each in options)])


def _warn_if_cut_off() -> None:
    """Log a warning when the database is cut off from payment gateways and webhooks."""
    reason = read(explain_cut_off)
    if reason is not None:
        get_run_logger().warning("%s", reason)


@cache
def _freeze_loaded_objects() -> None:
    """Keep what is loaded out of Python's search for garbage, once in a process.

    Searching all of Prefect's and SQLAlchemy's objects takes as long as copying 2,000 orders, and
    finds nothing.
    """
    gc.freeze()


@lru_cache
def _add_checks(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with a check of its parameters.

    It is made at the first call and is no part of the flow. A flow is pickled for a Dask cluster,
    and pydantic's wrapper cannot be unpickled there.
    """
    return validate_call(config=ConfigDict(arbitrary_types_allowed=True))(function)


def _describe_problems(error: ValidationError) -> str:
    """Each wrong parameter or field and its problem, without the value: it may be private."""
    return "; ".join(f"{problem.path}: {problem.message}" for problem in list_problems(error))


def _shorten(value: Any) -> Any:
    if (isinstance(value, list | tuple) or is_frame(value)) and len(value) > STORED_VALUES:
        return f"<{format_count(len(value), 'order')}>"
    return value


def _encode(value: Any) -> Any:
    """The value as JSON types; a value that has none is only named.

    Prefect's own encoder imports FastAPI, which takes longer than copying 10,000 orders.
    """
    try:
        return to_jsonable_python(value)
    except ValueError:
        return f"<{type(value).__name__}>"


def _limit_size(value: Any) -> Any:
    length = len(json.dumps(value, default=str))
    return value if length <= STORED_CHARACTERS else f"<{length} characters>"
