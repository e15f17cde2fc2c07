"""What our flows do that Prefect's do not: plain errors, and parameters of any size."""

import inspect
import json
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

import pandas as pd
from prefect import Flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.states import Failed
from pydantic import ConfigDict, ValidationError, validate_call
from sqlalchemy.exc import DBAPIError

from order_factory.flows.support.form_schema import signature_of_form
from order_factory.flows.support.shared_client import shared_client
from order_factory.models.database.identity import why_cut_off
from order_factory.models.database.retrying import read
from order_factory.models.database.transient import explain_refusal
from order_factory.models.errors import InvalidRequest, OrderFactoryError
from order_factory.models.values.copy_options import COPY_OPTIONS
from order_factory.models.values.option_signatures import signature_with_options

P = ParamSpec("P")
R = TypeVar("R")

# Prefect's server refuses a flow run whose parameters exceed 512 KiB of JSON together.
STORED_CHARACTERS = 50_000
STORED_VALUES = 1_000


class ShopFlow(Flow[P, R]):
    """A flow whose large parameters are stored, and shown in the Prefect UI, by their size only.

    The run itself gets the parameters as they were given. Calls share a connection to the server.
    """

    if not TYPE_CHECKING:  # its types are those of Prefect's

        def __call__(self, *args, **kwargs):
            with shared_client():
                return super().__call__(*args, **kwargs)

    @property
    def __signature__(self) -> inspect.Signature:
        """What Prefect makes the form of. A run is called by the function's own."""
        return signature_of_form(self.fn)

    def serialize_parameters(
        self, parameters: dict[str, PrefectFuture[Any] | State[Any] | Any]
    ) -> dict[str, Any]:
        # Shortened first, too: encoding a long list takes longer than copying its orders.
        short = {name: _shortened(value) for name, value in parameters.items()}
        stored = super().serialize_parameters(short)
        return {name: _within_limits(value) for name, value in stored.items()}


def shop_flow(**options: Any) -> Callable[[Callable[P, R]], ShopFlow[P, R]]:
    """Decorate a function as a `ShopFlow`; the options are those of `prefect.flow`.

    Parameters are checked against their annotations. An `OrderFactoryError`, wrong parameters
    included (`InvalidRequest`), fails the run with its message as the state's, without a stack
    trace or the parameters' values in the log; a plain call raises it.
    """

    def decorate(function: Callable[P, R]) -> ShopFlow[P, R]:
        # Prefect's own check would log every parameter, and so what the caller wrote in them.
        return ShopFlow(_guarded(function), validate_parameters=False, **options)

    return decorate


def _guarded(function: Callable[P, R]) -> Callable[P, R]:
    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> Any:
        # By name, so that an error tells the parameter's name and not its position.
        given = inspect.signature(guarded).bind(*args, **kwargs).arguments
        try:
            result = cast(R, _checked(function)(**given))
            _tell_of_a_copy()
            return result
        except OrderFactoryError as error:
            return Failed(message=str(error), data=error)
        except ValidationError as error:
            if error.title != function.__name__:
                raise
            refused = InvalidRequest(_told(error))
            return Failed(message=str(refused), data=refused)
        except DBAPIError as error:
            # Prefect would log it, and the driver's words may quote a row.
            unnamed = explain_refusal(error)
            return Failed(message=str(unnamed), data=unnamed)

    signature = signature_with_options(function, lambda option: option.type)
    guarded.__signature__ = signature  # type: ignore[attr-defined]
    guarded.__doc__ = _documented(function, signature)
    return guarded


def _documented(function: Callable[..., Any], signature: inspect.Signature) -> str | None:
    """The function's docstring, whose last section is `Args`, with a line for each copy option."""
    text = inspect.getdoc(function)
    options = [option for option in COPY_OPTIONS if option.name in signature.parameters]
    return "\n".join([text or "", *(f"    {each.name}: {each.description}" for each in options)])


def _tell_of_a_copy() -> None:
    """Say in the run's log that the database reaches nobody outside, where that is so."""
    reason = read(why_cut_off)
    if reason is not None:
        get_run_logger().warning("%s", reason)


@lru_cache
def _checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with a check of its parameters.

    Made when it is called, and no part of the flow: a flow travels to the processes of a Dask
    cluster, and what pydantic makes cannot be unpickled there.
    """
    return validate_call(config=ConfigDict(arbitrary_types_allowed=True))(function)


def _told(error: ValidationError) -> str:
    """Each wrong parameter (and field of it) and what is wrong; never the value: it may be private."""
    problems = (
        f"{'.'.join(map(str, detail['loc']))}: {detail['msg'].removeprefix('Value error, ')}"
        for detail in error.errors(include_input=False, include_url=False, include_context=False)
    )
    return "; ".join(problems)


def _shortened(value: Any) -> Any:
    if isinstance(value, list | tuple | pd.DataFrame) and len(value) > STORED_VALUES:
        return f"<{len(value)} orders>"
    return value


def _within_limits(value: Any) -> Any:
    length = len(json.dumps(value, default=str))
    return value if length <= STORED_CHARACTERS else f"<{length} characters>"
