"""The state in which a run that copies ends."""

from typing import Any

from prefect.states import Completed, Failed

from order_factory.models.errors import OrderFactoryError


def ended(
    outcome: str,
    result: Any,
    *,
    completed: int,
    failed: int,
    errors: bool,
    failure: OrderFactoryError,
) -> Any:
    """`Completed`, or `CompletedWithErrors` where some copies have errors; `Failed` where none was made.

    The outcome is the state's message. `failure` is what a plain call raises then.
    """
    if failed and not completed:
        return Failed(message=outcome, data=failure)
    if failed or errors:
        return Completed(name="CompletedWithErrors", message=outcome, data=result)
    return Completed(message=outcome, data=result)
