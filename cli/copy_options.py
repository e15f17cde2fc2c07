"""The copy options as options of a command."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from order_factory.models.values.copy_options import CHANGES, COPY_OPTIONS, CopyOption
from order_factory.models.values.option_signatures import make_signature

if TYPE_CHECKING:
    from order_factory.models.requests.copies import CopyOptions

F = TypeVar("F", bound=Callable[..., Any])


def add_copy_options(command: F) -> F:
    """Add an option for each copy option to a command, which gets them as `**options`."""
    command.__signature__ = make_signature(command, _make_annotation)  # type: ignore[attr-defined]
    return command


def add_subscription_options(command: F) -> F:
    """Add an option for each copy option, with the defaults of subscriptions."""
    add_copy_options(command)
    signature = command.__signature__  # type: ignore[attr-defined]
    defaults = {option.name: option.default_of_subscriptions for option in COPY_OPTIONS}
    command.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[
            each.replace(default=defaults.get(each.name, each.default))
            for each in signature.parameters.values()
            if each.name not in CHANGES
        ]
    )
    return command


def format_flag(name: str) -> str:
    """The option on the command line: `--reuse-wallet`."""
    return f"--{name.replace('_', '-')}"


def check_options(given: dict[str, Any]) -> "CopyOptions":
    """The copy options and the caller's own fields. Raises `InvalidRequest`, naming the options."""
    from pydantic import ValidationError

    from order_factory.models.errors import InvalidRequest
    from order_factory.models.requests.copies import CopyOptions
    from order_factory.models.requests.problems import list_problems

    try:
        return CopyOptions(**given)
    except ValidationError as error:
        problems = [
            f"{format_flag(str(problem.place[0]))}: {problem.message}"
            for problem in list_problems(error)
        ]
        raise InvalidRequest(f"{'; '.join(problems)}.") from None


def check_text(flag: str, text: str | None) -> None:
    """Raise `InvalidRequest` if the option's text cannot be stored."""
    from order_factory.models.errors import InvalidRequest
    from order_factory.models.values.texts import find_text_problem

    problem = (
        None if text is None else find_text_problem(text) if text.strip() else "must not be blank"
    )
    if problem is not None:
        raise InvalidRequest(f"{flag}: {problem}.")


def _make_annotation(option: CopyOption) -> Any:
    flag = format_flag(option.name)
    if option.type is bool:
        flag = f"{flag}/--no-{flag.removeprefix('--')}"
    given: Any = str | None if option.change else option.type
    return Annotated[given, typer.Option(flag, help=option.description)]
