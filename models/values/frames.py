"""Recognize objects of pandas without importing pandas, which takes half a second."""

import sys
from decimal import Decimal
from math import isnan
from typing import TYPE_CHECKING, Any, TypeGuard

if TYPE_CHECKING:
    import pandas as pd


def is_frame(value: object) -> "TypeGuard[pd.DataFrame]":
    """Whether the value is a DataFrame. If pandas is not imported, it is not."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame)


def is_missing(value: object) -> bool:
    """Whether the value is None, or a missing value of pandas: NaN, NaT or NA."""
    if value is None or isinstance(value, str | int):
        return value is None
    pandas = sys.modules.get("pandas")
    if pandas is not None and pandas.api.types.is_scalar(value):
        return bool(pandas.isna(value))
    return isinstance(value, float | Decimal) and isnan(value)


def is_series(value: object) -> "TypeGuard[pd.Series[Any]]":
    """Whether the value is a Series."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.Series)
