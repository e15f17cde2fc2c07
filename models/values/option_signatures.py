"""The full signatures of functions that take the copy options as `**options`."""

import inspect
from collections.abc import Callable
from typing import Any

from order_factory.models.values.copy_options import EVERY_OPTION, CopyOption


def make_signature(
    function: Callable[..., Any], annotate: Callable[[CopyOption], Any]
) -> inspect.Signature:
    """Return the function's signature with a keyword parameter for each copy option.

    They replace `**options: Unpack[CopyOptionArguments]`, and come before the function's own
    keyword-only parameters. `annotate` returns the annotation of an option. A function without
    `**options` keeps its signature.
    """
    signature = inspect.signature(function, eval_str=True)
    own = list(signature.parameters.values())
    if not own or own[-1].kind is not inspect.Parameter.VAR_KEYWORD:
        return signature
    options = [
        inspect.Parameter(
            option.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=option.default,
            annotation=annotate(option),
        )
        for option in EVERY_OPTION
    ]
    first = [each for each in own if each.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    rest = [each for each in own if each.kind is inspect.Parameter.KEYWORD_ONLY]
    return signature.replace(parameters=[*first, *options, *rest])
