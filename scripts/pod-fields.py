"""Writes the names of all fields of a PodSpec, from a copy of Kubernetes' OpenAPI specification.

usage: pod-fields.py SPECIFICATION VERSION

SPECIFICATION is api/openapi-spec/swagger.json of a release of Kubernetes, or a copy of its definitions, such as the _definitions.json
that scripts/render-check installs with kubernetes-validate (below .build/render-check). Neither says which release it is of: VERSION does.

A line is a field without fields below it; [] is an element of a list, * is a value of a map. Init and ephemeral containers
have the fields of containers: only the fields that containers do not have are written again.
"""

import json
import pathlib
import sys

ROOT = "io.k8s.api.core.v1.PodSpec"
CONTAINERS, LIKE_CONTAINERS = "containers[]", ("initContainers[]", "ephemeralContainers[]")
LIST = pathlib.Path(__file__).parents[1] / "Tests/Fixtures/kubernetes/pod-fields.txt"


def fields(definitions, schema, path, inside):
    """Returns the paths of the fields of a schema that have no fields below them."""
    reference = schema.get("$ref") or (schema.get("allOf") or [{}])[0].get("$ref")
    if reference:
        name = reference.rpartition("/")[2]
        if name in inside:
            return {path}
        return fields(definitions, definitions[name], path, inside | {name})
    if "items" in schema:
        return fields(definitions, schema["items"], f"{path}[]", inside)
    if "additionalProperties" in schema and "properties" not in schema:
        return fields(definitions, schema["additionalProperties"], f"{path}.*", inside)
    found = set()
    for key, value in schema.get("properties", {}).items():
        found |= fields(definitions, value, f"{path}.{key}" if path else key, inside)
    return found or {path}


def main():
    specification, version = sys.argv[1:]
    document = json.loads(pathlib.Path(specification).read_text())
    definitions = document.get("definitions") or document["$defs"]
    found = fields(definitions, definitions[ROOT], "", frozenset({ROOT}))
    for path in LIKE_CONTAINERS:
        found -= {field.replace(CONTAINERS, path, 1) for field in found if field.startswith(CONTAINERS)}
    LIST.write_text("\n".join([f"Kubernetes {version}", *sorted(found)]) + "\n")
    print(f"{LIST}: {len(found)} fields")


if __name__ == "__main__":
    main()
