"""Products of more than 64 bits for SQLite. PostgreSQL has the type `numeric`."""


def mul_div(a: int, b: int, c: int) -> int:
    """Return `a * b` divided by `c`, rounded down."""
    return a * b // c


def mul_mod(a: int, b: int, c: int) -> int:
    """Return the remainder of `mul_div`."""
    return a * b % c
