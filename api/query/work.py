"""Estimating the cost of a request's filters before the query runs."""

_MOST_STEPS = 100
_MOST_VALUES = 5_000
_MOST_PATTERNS = 200
_CACHED_STEPS = 10
_KEPT_VALUES = 100


class TooMuch(ValueError):
    """The filters of a request are too costly."""


class Work:
    """Counts the filters of a request: their steps, values and patterns.

    A step is an attribute, or a relationship on the path to one. A value counts once for each
    attribute with which it is compared. A pattern is a value that needs a condition of its own.
    """

    def __init__(self) -> None:
        self._steps = self._values = self._patterns = 0

    def add(self, *, steps: int, values: int, patterns: int) -> None:
        """Count one filter. Raises `TooMuch` with the limit that was exceeded."""
        self._steps += steps
        self._values += values
        self._patterns += patterns
        for count, most, label in (
            (self._steps, _MOST_STEPS, "attributes and relationships"),
            (self._values, _MOST_VALUES, "values (for each attribute)"),
            (self._patterns, _MOST_PATTERNS, "patterns or times (for each attribute)"),
        ):
            if count > most:
                raise TooMuch(f"brings the filters to more than {most:,} {label}")

    @property
    def is_large(self) -> bool:
        """Whether the statement is too large for the driver to keep."""
        return self._values > _KEPT_VALUES or not self.is_common

    @property
    def is_common(self) -> bool:
        """Whether the statement is small and likely to be repeated, and so worth caching."""
        return self._steps <= _CACHED_STEPS and self._patterns == 0
