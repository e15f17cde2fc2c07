"""The types of values in imported rows. Times become UTC, and keys are cleaned.

Each type describes a wrong value for the person who wrote the file.
"""

import math
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from order_factory.models.requests.spreadsheet_text import (
    find_decimal_problem,
    find_shortened_problem,
    unquote_spreadsheet_text,
)
from order_factory.models.values.codes import find_country_problem, find_currency_problem
from order_factory.models.values.json_objects import find_json_problem, parse_json
from order_factory.models.values.keys import clean_key
from order_factory.models.values.texts import MAX_TEXT, find_text_problem

LONG_TEXT = 10_000
_TRILLION = 10**12
# Spreadsheets store 15 digits of a number.
_FIRST_ROUNDED = 10**15
_WHOLE = re.compile(r"[-+]?\d+")
_WHOLE_DECIMAL = re.compile(r"[-+]?\d+\.0+")
_DECIMAL = re.compile(r"([-+]?)(\d*)[.,](\d+)")
_OFFSET = re.compile(r"(\d) +([-+]\d\d:?\d\d|Z|UTC|GMT)$|(?<=\d)(UTC|GMT)$", re.IGNORECASE)
_ZONE_NAME = re.compile(r"\d ?[A-Za-z]+(/[A-Za-z_]+)*$")
NO_ZONE = "has no time zone; write it like 2026-01-15T12:00:00Z"


def _make_error(kind: str, message: str) -> PydanticCustomError:
    # The message is a template, and a value in it may contain braces.
    return PydanticCustomError(kind, "{problem}", {"problem": message})


def has_decimals(value: Any) -> bool:
    """Whether an amount is in units with decimals, like 20.00, and not in whole cents."""
    if isinstance(value, str):
        return _DECIMAL.fullmatch(value.strip()) is not None
    return isinstance(value, float | Decimal) and not _is_whole(value)


def _is_whole(value: float | Decimal) -> bool:
    """Whether a number is written without decimals. A float always has decimals."""
    return isinstance(value, Decimal) and value.is_finite() and value.as_tuple().exponent == 0


def _parse_cents(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = str(value).strip()
    if isinstance(value, str | Decimal) and _WHOLE.fullmatch(text) and text.isascii():
        return int(text[:20])
    if isinstance(value, bool):
        raise _make_error("cents", "is true or false; amounts are whole cents")
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise _make_error(
            "cents", "is not a whole number; amounts are whole cents, such as 1250 for 12.50"
        )
    sign, units, decimals = match.groups()
    problem = f"is {text[:30]}; amounts are whole cents"
    if len(decimals) <= 2:
        cents = int(units or "0") * 100 + int(decimals.ljust(2, "0"))
        problem += f", write {'-' if sign == '-' else ''}{cents}"
    raise _make_error("cents", problem)


def _parse_whole(value: Any) -> Any:
    if isinstance(value, bool):
        raise _make_error("whole", "is true or false; a whole number is expected")
    if isinstance(value, int):
        return value
    if isinstance(value, float | Decimal):
        if math.isfinite(value) and -_FIRST_ROUNDED < value < _FIRST_ROUNDED:
            whole = int(value)
            if whole == value:
                return whole
        raise _make_error("whole", "is not a whole number")
    text = str(value).strip()
    if not text.isascii() or not (_WHOLE.fullmatch(text) or _WHOLE_DECIMAL.fullmatch(text)):
        raise _make_error("whole", "is not a whole number")
    return int(text.split(".")[0][:20])


def _parse_rate(value: Any) -> Any:
    if isinstance(value, bool):
        raise _make_error("rate", "is true or false; write 0.22 for 22 percent")
    try:
        rate = float(value)
    except (TypeError, ValueError):
        raise _make_error("rate", "is not a number; write 0.22 for 22 percent") from None
    if 1 < rate < float("inf"):
        percent = f"{rate:.6g}"
        hint = f"write {rate / 100:.6g} for {percent} percent" if rate <= 100 else "write 0.22"
        raise _make_error("rate", f"is {percent}; {hint}")
    return rate


def _check_text(text: str, longest: int = MAX_TEXT) -> str:
    problem = find_text_problem(text, longest)
    if problem is not None:
        raise _make_error("text", problem)
    return text


def _convert_text(value: Any) -> Any:
    """Return a value of a text column as a text. Raises if a number has lost digits."""
    if isinstance(value, str):
        return _check_text(value, LONG_TEXT)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return value
    if not math.isfinite(value) or value != int(value):
        raise _make_error("text", "is a decimal number; write it as text")
    if isinstance(value, float) and abs(value) >= _FIRST_ROUNDED:
        raise _make_error(
            "text", "has more than 15 digits, and a spreadsheet rounds them; write it as text"
        )
    return str(int(value))


def _clean_spreadsheet_text(value: Any) -> Any:
    value = _convert_text(value)
    if not isinstance(value, str):
        return value
    if value[:1] in ("=", "'"):
        value = unquote_spreadsheet_text(value)
    if value[:1].isdigit():
        problem = find_shortened_problem(value)
        if problem is not None:
            raise _make_error("shortened", problem)
    return value


def _clean_key(value: Any) -> Any:
    value = _convert_text(value)
    if not isinstance(value, str):
        return value
    value = clean_key(value)
    if value[:1] in ("=", "'"):
        value = clean_key(unquote_spreadsheet_text(value))
    if not value:
        raise _make_error("key", "is empty")
    _check_text(value)
    if value[0].isdigit():
        problem = find_shortened_problem(value) or find_decimal_problem(value)
        if problem is not None:
            raise _make_error("key", problem)
    return value


def _clean_email(value: Any) -> Any:
    return clean_key(value) if isinstance(value, str) else value


def _check_country(value: str) -> str:
    problem = find_country_problem(value)
    if problem is not None:
        raise _make_error("country", problem)
    return value


def _check_currency(value: str) -> str:
    problem = find_currency_problem(value)
    if problem is not None:
        raise _make_error("currency", problem)
    return value


def _prepare_time(value: Any) -> Any:
    """Return an ISO 8601 text for pydantic, which would read a number as seconds since 1970."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, str):
        text = value.strip()
        if text[4:5] == "-":
            text = _OFFSET.sub(_normalize_offset, text)
            if _ZONE_NAME.search(text) and text[-1] not in "zZ":
                raise _make_error(
                    "zone", "names its time zone; write its offset, like 2026-01-15T12:00:00+02:00"
                )
            return text
    raise _make_error("iso_8601", "is not an ISO 8601 time like 2026-01-15T12:00:00Z")


def _normalize_offset(match: re.Match[str]) -> str:
    digit, offset, name = match.groups()
    if name or offset[0] not in "+-":
        return f"{digit or ''}Z"
    return f"{digit}{offset}"


def _convert_to_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise PydanticCustomError("out_of_range", "is outside the years 1 to 9999") from error


def _parse_object(value: Any) -> Any:
    if isinstance(value, str):
        try:
            value = parse_json(value)
        except ValueError as error:
            raise _make_error("json", str(error)) from None
    problem = find_json_problem(value)
    if problem is not None:
        raise _make_error("json", problem)
    return value


Key = Annotated[str, Field(min_length=1, max_length=MAX_TEXT), BeforeValidator(_clean_key)]
Text = Annotated[str, Field(max_length=LONG_TEXT), BeforeValidator(_convert_text)]
# Texts that a spreadsheet may read as numbers, such as zip codes and phone numbers.
SpreadsheetText = Annotated[
    str, Field(max_length=LONG_TEXT), BeforeValidator(_clean_spreadsheet_text)
]
Email = Annotated[
    str, Field(max_length=255, pattern=r"^[^@\s\x00]+@[^@\s\x00]+$"), BeforeValidator(_clean_email)
]
Country = Annotated[str, AfterValidator(_check_country)]
Currency = Annotated[str, AfterValidator(_check_currency)]
# These limits are far below those of 64 bits, so that sums fit into 64 bits too.
Whole = Annotated[int, Field(ge=-_TRILLION, le=_TRILLION), BeforeValidator(_parse_whole)]
NotNegative = Annotated[int, Field(ge=0, le=_TRILLION), BeforeValidator(_parse_whole)]
Percentage = Annotated[int, Field(ge=1, le=100), BeforeValidator(_parse_whole)]
Amount = Annotated[int, Field(ge=-_TRILLION, le=_TRILLION), BeforeValidator(_parse_cents)]
Deduction = Annotated[int, Field(ge=-_TRILLION, le=0), BeforeValidator(_parse_cents)]
NotNegativeAmount = Annotated[int, Field(ge=0, le=_TRILLION), BeforeValidator(_parse_cents)]
Positive = Annotated[int, Field(ge=1, le=_TRILLION), BeforeValidator(_parse_whole)]
PositiveAmount = Annotated[int, Field(ge=1, le=_TRILLION), BeforeValidator(_parse_cents)]
Rate = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False), BeforeValidator(_parse_rate)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Time = Annotated[AwareDatetime, BeforeValidator(_prepare_time), AfterValidator(_convert_to_utc)]
Object = Annotated[dict[str, Any], BeforeValidator(_parse_object)]
