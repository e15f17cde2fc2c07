"""The mappings: those that come with the application, and those of a user."""

from datetime import tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml
from pydantic import ValidationError

from order_factory.models.errors import InvalidRequest
from order_factory.models.requests.platform_formats import PlatformFormat
from order_factory.models.requests.problems import problems_of

_FOLDER = Path(__file__).with_name("formats")
_ENDINGS = (".yaml", ".yml")


def known_formats() -> list[str]:
    """The names of the formats that come with the application."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def load_format(name: str) -> PlatformFormat:
    """The mapping of this name, or in the YAML file at this path.

    Raises `InvalidRequest` for an unknown name, and for a file that is no mapping.
    """
    text = read_format(name)
    try:
        written = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark is not None else ""
        raise InvalidRequest(f"The mapping {name!r} is not YAML{where}.") from None
    return _checked(name, written)


def read_format(name: str) -> str:
    """The text of the mapping, with its comments; raises `InvalidRequest` as `load_format` does."""
    path = _FOLDER / f"{name}.yaml" if name in known_formats() else Path(name)
    if path.suffix.lower() not in _ENDINGS:
        raise InvalidRequest(
            f"The format {name!r} is not known. Use one of {', '.join(known_formats())}, or the "
            "path of your own mapping, which ends in .yaml."
        )
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InvalidRequest(f"The mapping {name!r} cannot be read: {reason}.") from None


def zone_of(form: PlatformFormat) -> tzinfo | None:
    """The zone of the times that have none."""
    return None if form.time_zone is None else ZoneInfo(form.time_zone)


def _checked(name: str, written: object) -> PlatformFormat:
    try:
        form = PlatformFormat.model_validate(written)
        zone_of(form)
    except ValidationError as error:
        problems = "; ".join(
            f"{each.path}: {each.message}" if each.path else each.message
            for each in problems_of(error)
        )
        raise InvalidRequest(f"The mapping {name!r} cannot be used: {problems}.") from None
    except (KeyError, ValueError, OSError):
        raise InvalidRequest(
            f"The mapping {name!r} cannot be used: time_zone is no zone such as Europe/Rome."
        ) from None
    return form
