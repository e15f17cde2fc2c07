"""The problems of a request, from pydantic's error, without the values, which may be private."""

from typing import NamedTuple

from pydantic import ValidationError


class Problem(NamedTuple):
    """A wrong field, `place` as a path of names and indexes, and what is wrong with it."""

    place: tuple[str | int, ...]
    message: str

    @property
    def path(self) -> str:
        return ".".join(map(str, self.place))


def problems_of(error: ValidationError) -> list[Problem]:
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
