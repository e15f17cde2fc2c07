"""The selection of all contenders: a CSV file with one order number per row."""

import csv
from pathlib import Path

import pandas as pd


def _mixed(judged: pd.DataFrame, orders: int, failing: float) -> pd.DataFrame:
    """Return orders with this share of invalid ones; fewer if there are not enough."""
    valid, invalid = judged[judged["valid"]], judged[~judged["valid"]]
    if failing:
        orders = min(orders, int(len(invalid) / failing))
    wrong = invalid.head(round(orders * failing))
    right = valid.head(orders - len(wrong))
    # Each group gets positions at equal distances, and the groups are merged by position.
    places = [
        group.assign(place=[(n + 0.5) / len(group) for n in range(len(group))])
        for group in (right, wrong)
        if len(group)
    ]
    return pd.concat(places).sort_values("place", kind="stable")


def write_selection(path: Path, judged: pd.DataFrame, orders: int, failing: float | None) -> int:
    """Write the numbers of up to `orders` orders, oldest first, and return how many.

    `judged` has the columns `number` and `valid`. `failing` is the share of invalid orders, which
    are spread evenly; None takes the oldest orders, valid or not.
    """
    chosen = judged if failing is None else _mixed(judged, orders, failing)
    chosen = chosen.head(orders)
    path.parent.mkdir(parents=True, exist_ok=True)
    chosen[["number"]].rename(columns={"number": "source_order"}).to_csv(path, index=False)
    return len(chosen)


def read_selection(path: Path) -> list[str]:
    """Return the order numbers of a selection file."""
    with path.open(newline="") as file:
        return [row["source_order"] for row in csv.DictReader(file)]
