"""Products that are longer than 64 bits, for SQLite: PostgreSQL has its numeric type."""


def mul_div(a: int, b: int, c: int) -> int:
    """`a * b` divided by `c`, rounded down."""
    return a * b // c


def mul_mod(a: int, b: int, c: int) -> int:
    """The remainder of `mul_div`."""
    return a * b % c
