#!/usr/bin/env python3
"""Creates a review of about 60 KB from a recorded one: large-review.py RECORDING >REVIEW

It is an UPDATE. Each object has the last applied configuration in an annotation, the managed fields of two managers, a status, and as many
containers as the size needs. Only the images differ. The output is the same each time.
"""
import copy
import json
import sys

SIZE = 60_000


def compact(value):
    return json.dumps(value, separators=(",", ":"))


def fields(value):
    """Returns the owned fields as the API server writes them (FieldsV1 of structured-merge-diff)."""
    if isinstance(value, dict):
        return {f"f:{key}": fields(child) for key, child in value.items()}
    if isinstance(value, list) and value and all(isinstance(entry, dict) and "name" in entry for entry in value):
        return {f"k:{compact({'name': entry['name']})}": {".": {}} | fields(entry) for entry in value}
    return {}


def workload(recorded, containers, tag):
    spec = copy.deepcopy(recorded["spec"])
    pod = spec["template"]["spec"]
    app = pod["containers"][0]
    pod["containers"] = []
    for index in range(containers):
        container = copy.deepcopy(app)
        container["name"] = f"app-{index}"
        container["image"] = app["image"].rsplit(":", 1)[0] + f":{tag}"
        for port in container["ports"]:
            port["name"] += f"-{index}"
            port["containerPort"] += index
        for probe in ("livenessProbe", "readinessProbe"):
            container[probe]["httpGet"]["port"] += f"-{index}"
        pod["containers"].append(container)
    result = {key: copy.deepcopy(value) for key, value in recorded.items() if key != "spec"}
    applied = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "checkout", "namespace": "shop"}, "spec": spec}
    meta = result["metadata"]
    meta["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": compact(applied) + "\n"}
    meta["managedFields"] = [
        {
            "manager": manager, "operation": "Update", "apiVersion": "apps/v1", "time": "2026-11-01T12:00:00Z",
            "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": fields(spec)},
        }
        for manager in ("kubectl-client-side-apply", "deployer")
    ]
    result["spec"] = spec
    result["status"] = {"observedGeneration": 1, "replicas": 3, "readyReplicas": 3, "availableReplicas": 3, "updatedReplicas": 3}
    return result


def review(recording, containers):
    result = copy.deepcopy(recording)
    request = result["request"]
    recorded = request["object"]
    request["operation"] = "UPDATE"
    request["object"] = workload(recorded, containers, "1.4.3-0000000")
    request["oldObject"] = workload(recorded, containers, "1.4.2-9f3c1ab")
    return compact(result)


with open(sys.argv[1], encoding="utf-8") as file:
    recording = json.load(file)
sys.stdout.write(next(text for count in range(1, 100) if len(text := review(recording, count)) >= SIZE))
