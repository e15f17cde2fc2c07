"""The final state of a flow run that copies orders."""

from typing import Any

from prefect.states import Completed, Failed

from order_factory.models.errors import OrderFactoryError


def choose_end_state(
    outcome: str,
    result: Any,
    *,
    completed: int,
    failed: int,
    errors: bool,
    failure: OrderFactoryError,
) -> Any:
    """`Completed`, `CompletedWithErrors` when some copies have errors, `Failed` when all failed.

    `outcome` becomes the message of the state. A plain call raises `failure` when all failed.
    """
    if failed and not completed:
        return Failed(message=outcome, data=failure)
    if failed or errors:
        return Completed(name="CompletedWithErrors", message=outcome, data=result)
    return Completed(message=outcome, data=result)
