"""Numbers of things in messages: `1 order`, `12,000 orders`."""


def format_count(count: int, one: str, many: str | None = None) -> str:
    """Return the number with its noun. `many` is a plural that is not formed with `s` alone."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
