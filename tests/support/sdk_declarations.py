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


def _convert_type(declared):
    if declared.startswith("Array<Record") or declared in ("string[]", "number[]"):
        return "list"
    if "Record<" in declared:
        return "object"
    first = declared.split("|")[0].strip()
    return "text" if first[:1] in "'\"" else _SCALARS.get(first)


def _cut_body(text, start):
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
    resources = {}
    for match in re.finditer(r"interface \w+ extends Resource \{", text):
        body = re.sub(r"/\*.*?\*/", "", _cut_body(text, match.end() - 1), flags=re.DOTALL)
        attributes = {
            name: (optional, type_text.strip())
            for name, optional, type_text in _ATTRIBUTE.findall(body)
        }
        resource = names.get(attributes.pop("type", ("", ""))[1])
        if resource is not None and resource not in resources:
            resources[resource] = {
                name: [kind, bool(optional) or "null" in type_text]
                for name, (optional, type_text) in attributes.items()
                if (kind := _convert_type(type_text.removesuffix("| null").strip())) is not None
            }
    return resources


if __name__ == "__main__":
    sys.path.insert(0, ".")
    from order_factory.api.resources.registry import RESOURCES

    declared = read_declarations(sys.argv[1])
    known = {name: declared[name] for name in sorted(RESOURCES) if name in declared}
    lines = (f" {json.dumps(name)}: {json.dumps(each)}" for name, each in known.items())
    sys.stdout.write("{\n" + ",\n".join(lines) + "\n}\n")
