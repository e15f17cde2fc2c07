"""The contenders and their arguments."""

from pydantic import BaseModel


class Contender(BaseModel, frozen=True):
    """One way to copy orders.

    `modules` are its modules in `benchmarks.contenders` by database. `failing` is the share of its
    orders that cannot be copied, and `most` the limit of orders for a slow contender. A `checked`
    one must write the same rows as the hand-written SQL, or as the contender `yardstick`. With
    `by_hand`, all orders of the shop are paid by hand.
    """

    name: str
    title: str
    modules: dict[str, str]
    workers: int = 1
    failing: float = 0.0
    most: int | None = None
    checked: bool = True
    yardstick: str = "hand-written"
    by_hand: bool = False
    quick: bool = False


def _everywhere(module: str) -> dict[str, str]:
    return {"sqlite": module, "postgres": module}


HAND_WRITTEN = Contender(
    name="hand-written",
    title="hand-written SQL",
    modules={"sqlite": "hand_written_sqlite", "postgres": "hand_written_postgres"},
    quick=True,
)
LIMIT = Contender(
    name="limit",
    title="the fair limit",
    modules={"sqlite": "limit_sqlite", "postgres": "limit_postgres"},
    quick=True,
)
OURS = Contender(name="ours", title="ours, one worker", modules=_everywhere("ours"), quick=True)
LIMIT_PLACED = Contender(
    name="limit-placed",
    title="the fair limit, placed",
    modules={"sqlite": "limit_placed_sqlite", "postgres": "limit_placed_postgres"},
    yardstick="limit-placed",
    by_hand=True,
)
OURS_PLACED = Contender(
    name="ours-placed",
    title="ours, placed",
    modules=_everywhere("ours_placed"),
    yardstick="limit-placed",
    by_hand=True,
)
CONTENDERS = (
    HAND_WRITTEN,
    LIMIT,
    OURS,
    Contender(
        name="limit-2",
        title="the fair limit, two",
        modules={"postgres": "limit_postgres"},
        workers=2,
    ),
    Contender(
        name="hand-written-2",
        title="hand-written, two",
        modules={"postgres": "hand_written_postgres"},
        workers=2,
    ),
    Contender(
        name="ours-2",
        title="ours, two workers",
        modules={"postgres": "ours"},
        workers=2,
        quick=True,
    ),
    LIMIT_PLACED,
    OURS_PLACED,
    Contender(
        name="ours-failing",
        title="ours, 10 % fail",
        modules=_everywhere("ours"),
        failing=0.1,
        checked=False,
    ),
    Contender(
        name="pandas",
        title="pandas",
        modules=_everywhere("pandas_frames"),
        most=10_000,
    ),
    Contender(name="orm", title="ORM loop", modules=_everywhere("orm_loop"), most=1_000),
    Contender(
        name="flow-runs",
        title="flow run per order",
        modules=_everywhere("flow_runs"),
        most=20,
    ),
)
