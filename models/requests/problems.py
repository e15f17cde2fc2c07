"""The problems of a request from pydantic's error, without its values, which may be private."""

from typing import NamedTuple

from pydantic import ValidationError


class Problem(NamedTuple):
    """A wrong field and its problem. `place` is the path of the field: names and indexes."""

    place: tuple[str | int, ...]
    message: str

    @property
    def path(self) -> str:
        return ".".join(map(str, self.place))


def list_problems(error: ValidationError) -> list[Problem]:
    """Return the problems. A field is left out if only a field inside it is wrong."""
    details = error.errors(include_input=False, include_url=False, include_context=False)
    places = [detail["loc"] for detail in details]
    return [
        Problem(detail["loc"], detail["msg"].removeprefix("Value error, "))
        for detail in details
        if not any(
            len(other) > len(detail["loc"]) and other[: len(detail["loc"])] == detail["loc"]
            for other in places
        )
    ]
