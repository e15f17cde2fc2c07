"""Some members of a JSON object, picked by name. SQLite cannot do it without changing values."""

import json


def json_pick(held: str | None, names: str) -> str | None:
    """The JSON text of the members whose names are in this list (`a,b`); None if there is none."""
    members = None if held is None else json.loads(held)
    if not isinstance(members, dict):
        return None
    wanted = set(names.split(","))
    kept = {name: value for name, value in members.items() if name in wanted}
    return json.dumps(kept) if kept else None
