"""Reads the attributes of the official SDK's resources from its TypeScript declarations.

    python -m tests.support.sdk_declarations FOLDER > tests/api/reference_attributes.json

FOLDER is where npm installed `@commercelayer/sdk`. Each attribute has its kind and whether it may
be null or missing.
"""

import json
import re
import sys
from pathlib import Path

_ATTRIBUTE = re.compile(r"(?:readonly )?(\w+)(\??): ([^;]+);")
_SCALARS = {"string": "text", "number": "number", "boolean": "boolean"}


def _kind(declared):
    if declared.startswith("Array<Record") or declared in ("string[]", "number[]"):
        return "list"
    if "Record<" in declared:
        return "object"
    first = declared.split("|")[0].strip()
    return "text" if first[:1] in "'\"" else _SCALARS.get(first)


def _body(text, start):
    depth = 0
    for at in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if not depth:
            return text[start + 1 : at]
    raise ValueError("an interface has no end")


def read_declarations(folder):
    """Return the attributes by resource: name to kind and whether it may be null."""
    files = Path(folder).rglob("@commercelayer/sdk/lib/*.d.ts")
    text = "\n".join(path.read_text() for path in sorted(files))
    names = dict(re.findall(r"type (\w+Type) = ['\"](\w+)['\"]", text))
    found = {}
    for match in re.finditer(r"interface \w+ extends Resource \{", text):
        body = re.sub(r"/\*.*?\*/", "", _body(text, match.end() - 1), flags=re.DOTALL)
        declared = {
            name: (optional, what.strip()) for name, optional, what in _ATTRIBUTE.findall(body)
        }
        resource = names.get(declared.pop("type", ("", ""))[1])
        if resource is not None and resource not in found:
            found[resource] = {
                name: [kind, bool(optional) or "null" in what]
                for name, (optional, what) in declared.items()
                if (kind := _kind(what.removesuffix("| null").strip())) is not None
            }
    return found


if __name__ == "__main__":
    sys.path.insert(0, ".")
    from order_factory.api.resources.registry import RESOURCES

    declared = read_declarations(sys.argv[1])
    mine = {name: declared[name] for name in sorted(RESOURCES) if name in declared}
    lines = (f" {json.dumps(name)}: {json.dumps(each)}" for name, each in mine.items())
    sys.stdout.write("{\n" + ",\n".join(lines) + "\n}\n")
