"""The API server's audit log gives the same decisions as recordings of the same requests, or a known reason for a difference."""

import collections
import json
import os
import subprocess
import tempfile

from checks import admitted, check
from objects import bad_deployment, bad_job, bad_pod, budget, container, deployment


def requests(cluster, namespace):
    """Requests of an hour, with and without violations."""
    client = cluster.client
    cluster.old(bad_deployment("old", namespace))
    cluster.guard(namespace, "web")
    admitted(client.create(deployment("web", namespace)))
    admitted(client.create(bad_deployment("bad", namespace)))
    admitted(client.create(bad_pod("pod", namespace)))
    admitted(client.create(bad_job("job", namespace)))
    admitted(client.create(deployment("dry", namespace, replicas=1), dry_run=True, manager="kubectl-client"))
    # An existing violation, a new one, one by the number of replicas alone, and one by server-side apply.
    admitted(client.patch("Deployment", "old", namespace, {"metadata": {"labels": {"a": "b"}}}))
    image = {"spec": {"template": {"spec": {"containers": [{**container(deployment("web", namespace)), "image": "nginx:latest"}]}}}}
    admitted(client.patch("Deployment", "web", namespace, image))
    admitted(client.patch("Deployment", "web", namespace, {"spec": {"replicas": 1}}, part="scale"))
    admitted(client.apply(deployment("applied", namespace, replicas=1)))
    admitted(client.apply(deployment("applied", namespace, replicas=2)))
    value = budget("tight", namespace, {"app": "applied"}, minAvailable="100%")
    admitted(client.create(value))
    admitted(client.delete("PodDisruptionBudget", "tight", namespace))
    admitted(client.delete("Deployment", "bad", namespace))


def recorded(folder, namespace):
    """The rules that would deny each request, as the replicas recorded it in dry-run mode."""
    decisions = collections.defaultdict(list)
    for name in sorted(os.listdir(folder)):
        with open(f"{folder}/{name}") as file:
            for line in file:
                review = json.loads(line)
                request = review["request"]
                value = request.get("object") or request["oldObject"]
                if request.get("namespace") == namespace and is_of_people(request["userInfo"]["username"]):
                    key = (request["operation"], request["kind"]["kind"], value["metadata"]["name"], request.get("subResource", ""))
                    decisions[key].append(sorted({
                        each["rule"] for each in review["recording"]["findings"] if each.get("because") == "dry-run"}))
    return decisions


def is_of_people(user):
    return not user.startswith("system:")


def logged(cluster, events):
    """The rules that would deny each request, and those that the log leaves open, by event."""
    decisions, before = collections.defaultdict(list), collections.Counter()
    with tempfile.NamedTemporaryFile("w", suffix=".log") as file:
        for event in events:
            file.write(json.dumps(event, separators=(",", ":")) + "\n")
            file.flush()
            reference, value = event["objectRef"], event.get("responseObject", {})
            name = reference.get("name") or value.get("metadata", {}).get("name", "")
            is_stored = event["responseStatus"]["code"] < 300 and reference.get("subresource", "") in ("", "scale")
            if not is_stored:
                continue
            now = counts(cluster, file.name)
            if is_of_people(event["user"]["username"]) and "impersonatedUser" not in event:
                added = now - before
                key = (operation(event), KINDS[reference["resource"], reference.get("subresource", "")], name, reference.get("subresource", ""))
                decisions[key].append((
                    sorted(rule for rule, column in added if column == "denies"),
                    sorted({rule for rule, column in added if column != "denies"})))
            before = now
    return decisions


def is_in(event, namespace):
    """True if an event is about the namespace or an object in it."""
    reference = event["objectRef"]
    return namespace in (reference.get("namespace"), event.get("responseObject", {}).get("metadata", {}).get("name"))


KINDS = {("namespaces", ""): "Namespace", ("deployments", ""): "Deployment", ("deployments", "scale"): "Scale", ("pods", ""): "Pod",
         ("jobs", ""): "Job", ("poddisruptionbudgets", ""): "PodDisruptionBudget"}


def operation(event):
    if event["verb"] == "create" or event["responseStatus"]["code"] == 201:
        return "CREATE"
    return "DELETE" if event["verb"] == "delete" else "UPDATE"


def counts(cluster, log):
    run = subprocess.run(
        [cluster.binary, "replay", "--audit-log", "--format", "json", log], capture_output=True, text=True,
        env=cluster.overlay_settings | {"PATH": os.environ["PATH"]})
    assert run.returncode in (0, 1), run.stderr
    columns = ["denies", "unknown", "notEvaluated"]
    return collections.Counter({(row["rule"], column): row[column] for row in json.loads(run.stdout)["rules"] for column in columns})


@check
def the_audit_log_gives_the_decisions_of_the_recordings(cluster):
    with tempfile.TemporaryDirectory() as recordings:
        start = len(cluster.audit_events())
        with cluster.settings(PLAYBOOK_MODE="dry-run", PLAYBOOK_RECORD=recordings):
            namespace = cluster.namespace("audited")
            requests(cluster, namespace)
            events = [each for each in cluster.audit_events()[start:] if is_in(each, namespace)]
            return compare(recorded(recordings, namespace), logged(cluster, events))


def compare(by_server, by_log):
    """Each denial in one is a denial in the other, or the report lists the rule as unknown."""
    assert set(by_server) <= set(by_log), f"not in the log: {set(by_server) - set(by_log)}"
    # The webhook configurations do not select requests that no rule denies, such as the deletion of a Deployment.
    assert all(not certain for key in set(by_log) - set(by_server) for certain, _ in by_log[key]), by_log
    same, differences = 0, []
    for key, recordings in sorted(by_server.items()):
        # After a conflict, the API server sends a request to webhooks again.
        for denying, (certain, open_) in zip(recordings[-len(by_log[key]):], by_log[key], strict=True):
            wrong = set(certain) - set(denying), set(denying) - set(certain) - set(open_)
            assert wrong == (set(), set()), f"{key}: recorded {denying}, logged {certain}, left open {open_}"
            same += denying == certain
            if denying != certain:
                differences.append(f"{' '.join(filter(None, key))}: {', '.join(set(denying) - set(certain))}")
    assert same > 5
    return f"{same} decisions are equal; left open by the log: {'; '.join(differences) or 'none'}"
