"""The mappings: the formats of the application, and files of the user."""

from datetime import tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml
from pydantic import ValidationError

from order_factory.models.errors import InvalidRequest
from order_factory.models.requests.platform_formats import PlatformFormat
from order_factory.models.requests.problems import list_problems

_FOLDER = Path(__file__).with_name("formats")
_ENDINGS = (".yaml", ".yml")


def list_formats() -> list[str]:
    """Return the names of the application's own formats."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def load_format(name: str) -> PlatformFormat:
    """Return the mapping with this name, or from the YAML file at this path.

    Raises `InvalidRequest` for an unknown name, and for a file that is not a mapping.
    """
    text = read_format(name)
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark is not None else ""
        raise InvalidRequest(f"The mapping {name!r} is not YAML{where}.") from None
    return _validate(name, content)


def read_format(name: str) -> str:
    """Return the text of the mapping with its comments. Raises the same errors as `load_format`."""
    path = _FOLDER / f"{name}.yaml" if name in list_formats() else Path(name)
    if path.suffix.lower() not in _ENDINGS:
        raise InvalidRequest(
            f"The format {name!r} is not known. Use one of {', '.join(list_formats())}, or the "
            "path of your own mapping, which ends in .yaml."
        )
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InvalidRequest(f"The mapping {name!r} cannot be read: {reason}.") from None


def get_time_zone(form: PlatformFormat) -> tzinfo | None:
    """Return the zone for times without a zone."""
    return None if form.time_zone is None else ZoneInfo(form.time_zone)


def _validate(name: str, content: object) -> PlatformFormat:
    try:
        form = PlatformFormat.model_validate(content)
        get_time_zone(form)
    except ValidationError as error:
        problems = "; ".join(
            f"{each.path}: {each.message}" if each.path else each.message
            for each in list_problems(error)
        )
        raise InvalidRequest(f"The mapping {name!r} cannot be used: {problems}.") from None
    except (KeyError, ValueError, OSError):
        raise InvalidRequest(
            f"The mapping {name!r} cannot be used: time_zone is not a zone like Europe/Rome."
        ) from None
    return form
