"""Writes the generated parts of deploy/chart, or compares them with --check; run by scripts/chart.

The objects of the chart come from deploy/base and deploy/components, as kustomize renders them: files/NAME.yaml has those of one
directory. The templates read these files and change what the values say. So the manifests have one source, and scripts/render-check
compares what the chart and the overlays render.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

CHART = pathlib.Path("deploy/chart")
COMPONENTS = pathlib.Path("deploy/components")
# Components of which the templates need only a setting.
WITHOUT_OBJECTS = {"profile-start", "profile-strict"}
# Stands for the namespace of the release, which a template puts there.
NAMESPACE = "RELEASE_NAMESPACE"
# Settings that the chart sets from other values, or that must fit its objects.
NOT_SETTINGS = {
    "PLAYBOOK_MODE", "PLAYBOOK_PROFILE", "PLAYBOOK_CERTIFICATES", "PLAYBOOK_CERTIFICATES_SECRET", "PLAYBOOK_SERVICE",
    "PLAYBOOK_WEBHOOK_CONFIGURATION", "PLAYBOOK_NAMESPACE", "PLAYBOOK_LOOPS", "PLAYBOOK_LISTEN", "PLAYBOOK_HEALTH_LISTEN",
    "PLAYBOOK_TLS_CERT_FILE", "PLAYBOOK_TLS_KEY_FILE", "PLAYBOOK_EXEMPT_FILE",
}


# The definitions of the schema for forms of settings. The program checks the others when it starts.
FORMS = {"duration": "duration", "size": "size", "number": "number", "RFC 3339 date or time": "time", "deny|warn|off": "level"}


def rendered(component=None):
    """The objects of the base, with a component: {(kind, name): object}."""
    with tempfile.TemporaryDirectory(dir="deploy") as folder:
        value = {"resources": ["../base"], "components": [f"../components/{component}"] if component else []}
        pathlib.Path(folder, "kustomization.yaml").write_text(json.dumps(value))
        text = subprocess.run([os.environ["KUBECTL"], "kustomize", folder], check=True, capture_output=True, text=True).stdout
    # In the chart, the ConfigMap of the settings has no hash in its name.
    objects = yaml.safe_load_all(re.sub(r"\b(playbook-settings)-[a-z0-9]{10}\b", r"\1", text))
    return {(value["kind"], value["metadata"]["name"]): value for value in objects}


def released(value, key=None):
    """A value of an object, with the release's namespace instead of `playbook`."""
    if isinstance(value, dict):
        if value.get("kind") == "Namespace":
            value = value | {"metadata": value["metadata"] | {"name": NAMESPACE}}
        return {name: released(part, name) for name, part in value.items()}
    if isinstance(value, list):
        # The names that a selector excludes.
        return [NAMESPACE if key == "values" and part == "playbook" else released(part, key) for part in value]
    if key == "namespace" and value == "playbook":
        return NAMESPACE
    if key == "dnsNames":
        return value.replace("playbook.playbook.", f"playbook.{NAMESPACE}.")
    if key == "expr":
        return value.replace('namespace="playbook"', f'namespace="{NAMESPACE}"')
    return value


def objects():
    """The files of objects: {path: text}."""
    base = rendered()
    parts = {"base": base}
    for component in sorted(path.name for path in COMPONENTS.iterdir() if path.name not in WITHOUT_OBJECTS):
        parts[component] = {name: value for name, value in rendered(component).items() if name not in base}
    return {f"files/{part}.yaml": "---\n".join(yaml.safe_dump(released(value), width=1000, allow_unicode=True) for value in found.values())
            for part, found in parts.items()}


def versioned():
    """Chart.yaml and values.yaml, with the version of the program and the image of the overlays."""
    sources = "".join(path.read_text() for path in pathlib.Path("Sources/PlaybookCommand").rglob("*.swift"))
    version = re.search(r'static let current = "([^"]+)"', sources)[1]
    image = yaml.safe_load(pathlib.Path("deploy/overlays/production/kustomization.yaml").read_text())["images"][0]
    chart, values = (CHART / "Chart.yaml").read_text(), (CHART / "values.yaml").read_text()
    chart = re.sub(r"(?m)^(version|appVersion): .*", rf'\1: "{version}"', chart)
    values = re.sub(r"(?m)^(  repository:) .*", rf'\1 {image["newName"]}', values)
    values = re.sub(r"(?m)^(  tag:) .*", rf'\1 {image["newTag"]}', values)
    return {"Chart.yaml": chart, "values.yaml": values}


def schema():
    """The schema, with the settings, as far as it can state their values, and with the names of the RBAC components."""
    value = json.loads((CHART / "values.schema.json").read_text())
    page = pathlib.Path("docs/configuration.md").read_text()
    rows = re.findall(r"(?m)^\| `(PLAYBOOK_\w+)` \| ((?:\\\||[^|])*) \| (?:`(.*?)`)? ?\|", page)
    value["properties"]["settings"]["properties"] = {
        name: setting(form.replace("\\|", "|"), default) for name, form, default in sorted(rows) if name not in NOT_SETTINGS}
    products = sorted(path.name.removeprefix("rbac-") for path in COMPONENTS.glob("rbac-*"))
    value["properties"]["rbac"]["properties"] = {name: {"type": "boolean"} for name in products}
    # Maps and lists without another map or list in them take one line.
    return re.sub(r"[{\[]\n[^{}\[\]]{1,200}[}\]]", lambda found: " ".join(found[0].split()), json.dumps(value, indent=2)) + "\n"


def setting(form, default):
    """The schema of a setting's value: a form of FORMS, a choice, or any text."""
    if form in FORMS:
        return {"$ref": f"#/definitions/{FORMS[form]}"}
    words = form.split("|")
    return {"type": "string", "enum": words} if default in words else {"type": "string"}


def accepted(value):
    """The values that a schema accepts, in a few words."""
    if "enum" in value:
        return ", ".join(f"`{word}`" if word else "empty" for word in value["enum"])
    names = {"object": "map", "array": "list", "boolean": "`true`, `false`", "integer": "number", "string": "text"}
    types = value.get("type", "object")
    return " or ".join(names[name] for name in ([types] if isinstance(types, str) else types))


def rows(defaults, properties, comments, path=()):
    """The rows of the README's table: each value that is not a section."""
    for name, default in defaults.items():
        place, value = (*path, name), properties[name]
        # A map is a section if its values have comments.
        if any(comments.get(".".join((*place, part))) for part in value.get("properties", ())):
            yield from rows(default, value["properties"], comments, place)
            continue
        shown = f"`{default if isinstance(default, str) else json.dumps(default)}`" if default not in ("", [], {}) else "empty"
        yield f"| `{'.'.join(place)}` | {accepted(value)} | {shown} | {comments.get('.'.join(place), '')} |"


def comments(text):
    """The comment above each value of values.yaml: {path: comment}."""
    found, lines, path = {}, [], []
    for line in text.splitlines():
        if comment := re.match(r" *# ?(.*)", line):
            lines.append(comment[1])
        elif key := re.match(r"( *)([\w.-]+):", line):
            path = [*path[:len(key[1]) // 2], key[2]]
            found[".".join(path)], lines = " ".join(lines), []
        else:
            lines = []
    return found


def readme(values, schema_text):
    """The README, whose table comes from the values and the schema."""
    text = (CHART / "README.md").read_text()
    defaults, notes = yaml.safe_load(values), comments(values)
    properties = json.loads(schema_text)["properties"]
    lines = [*rows(defaults, properties, notes)]
    table = "\n".join(["| value | accepts | default | meaning |", "|---|---|---|---|", *lines])
    before, rest = text.split("<!-- values: written by scripts/chart -->\n", 1)
    after = rest.split("<!-- end of values -->", 1)[1]
    return f"{before}<!-- values: written by scripts/chart -->\n\n{table}\n\n<!-- end of values -->{after}"


def main(arguments):
    files = objects() | versioned() | {"values.schema.json": schema()}
    files["README.md"] = readme(files["values.yaml"], files["values.schema.json"])
    here = {str(path.relative_to(CHART)) for path in CHART.glob("files/*")}
    differing = [name for name, text in files.items() if not (CHART / name).exists() or (CHART / name).read_text() != text]
    extra = sorted(here - set(files))
    if arguments == ["--check"]:
        if differing or extra:
            sys.exit(f"chart: out of date: {', '.join(sorted(differing) + extra)}; run scripts/chart")
        print(f"chart: {len(files)} generated files are up to date")
        return
    for name in differing:
        (CHART / name).parent.mkdir(exist_ok=True)
        (CHART / name).write_text(files[name])
    for name in extra:
        (CHART / name).unlink()


main(sys.argv[1:])
