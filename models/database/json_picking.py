"""Pick members of a JSON object by name. SQLite itself would change their values."""

import json


def json_pick(document: str | None, names: str) -> str | None:
    """Return the members with a name in the list (`a,b`) as JSON text, or None if none has."""
    members = None if document is None else json.loads(document)
    if not isinstance(members, dict):
        return None
    wanted = set(names.split(","))
    picked = {name: value for name, value in members.items() if name in wanted}
    return json.dumps(picked) if picked else None
