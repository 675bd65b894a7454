"""Checks of the Helm chart, for scripts/render-check.py. Each check yields a text for each problem."""

import contextlib
import json
import pathlib
import re
import shutil
import subprocess
import tempfile

import yaml

CHART = "deploy/chart"
NAMESPACE = "playbook"
KUBERNETES = "1.30.0"  # the oldest supported version
DIGEST = f"sha256:{'0' * 64}"
REPOSITORY = "222222222222.dkr.ecr.eu-west-1.amazonaws.com/playbook"
CIDRS = ["10.0.0.0/28", "2001:db8::/64"]
TOLERATION = {"key": "spot", "operator": "Exists"}
LABELS = {"app.kubernetes.io/name": "playbook", "app.kubernetes.io/part-of": "playbook"}

KINDS = "example.com/Policy=spec.a.*.template, example.com/Policy = spec.b[], -ray.io/RayCluster, example.com/Bus=spec.template"

EXEMPTIONS = "# A license.\nreplicas@shop/Deployment/legacy-*: one license\n"

# Values of which the overlays have no equal; what they render must violate no rule.
ALL = {
    "namespace": {"create": True}, "exemptions": EXEMPTIONS,
    "settings": {"PLAYBOOK_RATCHET": "off", "PLAYBOOK_MIN_REPLICAS": "3", "PLAYBOOK_WORKLOAD_KINDS": KINDS},
    "extraEnv": [{"name": "TZ", "value": "UTC"}], "replicas": 4, "autoscaling": {"maxReplicas": 8, "targetCPU": 60},
    "image": {"repository": REPOSITORY, "digest": DIGEST, "pullPolicy": "IfNotPresent", "pullSecrets": ["registry"]},
    "podDisruptionBudget": {"maxUnavailable": 2}, "quota": {"pods": "20"}, "nodeSelector": {"team": "platform"},
    "tolerations": [TOLERATION], "priorityClassName": "high", "podAnnotations": {"note": "text"},
    "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
    "podLabels": {"team": "platform", "app.kubernetes.io/name": "other"},
    "service": {"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv6", "IPv4"]}, "networkPolicy": {"controlPlane": CIDRS},
    "monitoring": {"enabled": True, "namespace": "observability", "labels": {"release": "prometheus"}, "docs": "https://example.com/docs"},
    "audit": {"enabled": True, "schedule": "5 4 * * *"}, "rbac": {"keda": False},
}
FEWEST = {"replicas": 7, "autoscaling": {"enabled": False}, "networkPolicy": {"enabled": False}, "podDisruptionBudget": {"enabled": False}}
RENDERED = {"its defaults": {}, "all values": ALL}

# Values that the chart must reject, and the part of the error that names the place.
REJECTED = [
    ({"replica": 3}, "replica"),
    ({"image": {"tags": "1.2.3"}}, "tags"),
    ({"mode": "warn"}, "mode"),
    ({"certificates": {"source": "letsencrypt"}}, "source"),
    ({"settings": {"PLAYBOOK_RATCHTE": "off"}}, "PLAYBOOK_RATCHTE"),
    ({"settings": {"PLAYBOOK_RATCHET": False}}, "PLAYBOOK_RATCHET"),
    # It has a value, so that it has one place.
    ({"settings": {"PLAYBOOK_MODE": "dry-run"}}, "PLAYBOOK_MODE"),
    ({"extraEnv": [{"name": "PLAYBOOK_MODE", "value": "dry-run"}]}, "/extraEnv/0/name"),
    # The API server would reject the HPA half way through an upgrade.
    ({"replicas": 8}, "replicas is greater than autoscaling.maxReplicas; raise autoscaling.maxReplicas"),
    # Pods always fail open.
    ({"failurePolicy": {"pods": "Fail"}}, "pods"),
    ({"rbac": {"kedda": True}}, "kedda"),
    ({"image": {"digest": "0123"}}, "digest"),
    ({"image": {"repository": "registry.example.com/playbook:1.2.3"}}, "repository"),
    # The server would not start with these values, or the API server would reject an object half way through an upgrade.
    ({"settings": {"PLAYBOOK_RULE_REPLICAS": "bogus"}}, "PLAYBOOK_RULE_REPLICAS"),
    ({"settings": {"PLAYBOOK_RULES_DEFAULT": "bogus"}}, "PLAYBOOK_RULES_DEFAULT"),
    ({"settings": {"PLAYBOOK_RATCHET": "yes"}}, "PLAYBOOK_RATCHET"),
    ({"settings": {"PLAYBOOK_COMPANION_GRACE": "5"}}, "PLAYBOOK_COMPANION_GRACE"),
    ({"settings": {"PLAYBOOK_MAX_BODY": "16MB"}}, "PLAYBOOK_MAX_BODY"),
    ({"settings": {"PLAYBOOK_MIN_REPLICAS": "two"}}, "PLAYBOOK_MIN_REPLICAS"),
    ({"settings": {"PLAYBOOK_RATCHET_UNTIL": "January"}}, "PLAYBOOK_RATCHET_UNTIL"),
    ({"resources": {"limits": {"memory": "zz"}}}, "/resources/limits/memory"),
    ({"resources": {"limits": {"memroy": "256Mi"}}}, "memroy"),
    ({"audit": {"resources": {"requests": {"cpu": -1}}}}, "/audit/resources/requests/cpu"),
    ({"quota": {"pods": "many"}}, "/quota/pods"),
    ({"priorityClassName": "no_such_Class"}, "/priorityClassName"),
    ({"audit": {"schedule": "foo"}}, "/audit/schedule"),
    ({"podLabels": {"team": "the team"}}, "/podLabels/team"),
    ({"podAnnotations": {"a note": "text"}}, "a note"),
    ({"nodeSelector": {"team": "-"}}, "/nodeSelector/team"),
    ({"monitoring": {"namespace": "Monitoring"}}, "/monitoring/namespace"),
    ({"networkPolicy": {"controlPlane": ["10.0.0.0/33"]}}, "/networkPolicy/controlPlane/0"),
    ({"image": {"pullSecrets": ["a secret"]}}, "/image/pullSecrets/0"),
    ({"image": {"tag": ""}}, "image.tag or image.digest is required"),
]


def template(values, chart=CHART, namespace=NAMESPACE):
    """Renders the chart: whether it can be rendered, and what Helm prints."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(json.dumps(values))
        file.flush()
        run = subprocess.run(["scripts/helm", "template", "playbook", chart, f"--namespace={namespace}", f"--values={file.name}",
                              f"--kube-version={KUBERNETES}"], capture_output=True, text=True)
    return run.returncode == 0, run.stdout + run.stderr


def render(values, namespace=NAMESPACE, with_tests=False):
    """The objects of the chart; on request also those of `helm test`, which this Helm does not print."""
    with contextlib.ExitStack() as stack:
        chart = CHART
        if with_tests:
            chart = f"{stack.enter_context(tempfile.TemporaryDirectory())}/chart"
            shutil.copytree(CHART, chart)
            for file in pathlib.Path(chart, "templates/tests").iterdir():
                file.write_text(file.read_text().replace('"helm.sh/hook" "test"', ""))
        is_rendered, text = template(values, chart, namespace)
    if not is_rendered:
        raise SystemExit(f"render-check: the chart cannot be rendered with {values}: {text}")
    return [item for item in yaml.safe_load_all(text) if item]


def title(item):
    return f"{item['kind']} {item['metadata']['name']}"


def differences(wanted, found, path=""):
    """Yields the fields in which an object of the chart differs from that of an overlay."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key in sorted(wanted.keys() | found.keys()):
            yield from differences(wanted.get(key), found.get(key), f"{path}.{key}".lstrip("."))
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for index, (left, right) in enumerate(zip(wanted, found, strict=True)):
            yield from differences(left, right, f"{path}[{index}]")
    elif (type(wanted), wanted) != (type(found), found):
        yield f"{path} is {wanted} in the overlay and {found} in the chart"


def compare(objects, values):
    """Compares the objects of an overlay with those of the chart."""
    chart = {title(item): item for item in render(values)}
    # Helm needs the Namespace before it installs, and cannot roll back to a name that changes: in the chart, an annotation has the hash.
    plain = json.loads(re.sub(r"\b(playbook-settings)-[a-z0-9]{10}\b", r"\1", json.dumps(objects)))
    wanted = {title(item): item for item in plain if item["kind"] != "Namespace"}
    template = chart["Deployment playbook"]["spec"]["template"]
    if not template["metadata"].pop("annotations", {}).get("checksum/settings"):
        yield "a change of a setting does not replace the pods"
    for each in sorted(wanted.keys() ^ chart.keys()):
        yield f"only {'the overlay' if each in wanted else 'the chart'} renders {each}"
    for each in sorted(wanted.keys() & chart.keys()):
        for difference in differences(wanted[each], chart[each]):
            yield f"{each}: {difference}"


def added(configuration):
    """The webhooks, resources and operations of the rules for the API group of KINDS."""
    return [(webhook["name"], rule["resources"], rule["operations"])
            for webhook in configuration["webhooks"] for rule in webhook["rules"] if rule["apiGroups"] == ["example.com"]]


def check_values():
    """Checks that each value has its effect."""
    objects = {title(item): item for item in render(ALL)}
    settings = objects["ConfigMap playbook-settings"]["data"]
    template, service = objects["Deployment playbook"]["spec"]["template"], objects["Service playbook"]["spec"]
    container, scaler = template["spec"]["containers"][0], objects["HorizontalPodAutoscaler playbook"]["spec"]
    job, alerts = objects["CronJob playbook-audit"]["spec"], objects["PrometheusRule playbook"]
    for value, found, wanted in [
        ("namespace.create", "Namespace playbook" in objects, True),
        ("settings", (settings["PLAYBOOK_RATCHET"], settings["PLAYBOOK_MIN_REPLICAS"]), ("off", "3")),
        ("PLAYBOOK_WORKLOAD_KINDS, validating", added(objects["ValidatingWebhookConfiguration playbook"]), [
            ("custom-resources.playbook.superinc.com", ["policies"], ["CREATE", "UPDATE"]),
            ("custom-resources.playbook.superinc.com", ["buses"], ["CREATE", "UPDATE"])]),
        ("PLAYBOOK_WORKLOAD_KINDS, mutating", added(objects["MutatingWebhookConfiguration playbook"]), [
            ("fixes.playbook.superinc.com", ["policies"], ["CREATE"]), ("fixes.playbook.superinc.com", ["buses"], ["CREATE"])]),
        ("PLAYBOOK_WORKLOAD_KINDS, audit", objects["ClusterRole playbook-audit"]["rules"][-2:], [
            {"apiGroups": ["example.com"], "resources": [name], "verbs": ["list"]} for name in ("policies", "buses")]),
        ("exemptions", objects["ConfigMap playbook-exemptions"]["data"], {"exemptions.txt": EXEMPTIONS}),
        ("extraEnv", container["env"][-1], {"name": "TZ", "value": "UTC"}),
        ("replicas", (objects["Deployment playbook"]["spec"].get("replicas"), scaler["minReplicas"]), (None, 4)),
        ("autoscaling.maxReplicas", scaler["maxReplicas"], 8),
        ("autoscaling.targetCPU", scaler["metrics"][0]["resource"]["target"]["averageUtilization"], 60),
        ("image.digest", container["image"], f"{REPOSITORY}@{DIGEST}"),
        ("image.pullPolicy", container["imagePullPolicy"], "IfNotPresent"),
        ("image.pullSecrets", template["spec"]["imagePullSecrets"], [{"name": "registry"}]),
        ("podDisruptionBudget.maxUnavailable", objects["PodDisruptionBudget playbook"]["spec"]["maxUnavailable"], 2),
        ("quota", objects["ResourceQuota playbook"]["spec"]["hard"]["pods"], "20"),
        ("nodeSelector", template["spec"]["nodeSelector"], {"kubernetes.io/os": "linux", "team": "platform"}),
        ("tolerations", job["jobTemplate"]["spec"]["template"]["spec"]["tolerations"], [TOLERATION]),
        ("priorityClassName", template["spec"]["priorityClassName"], "high"),
        ("resources", container["resources"], ALL["resources"]),
        ("podAnnotations", template["metadata"]["annotations"]["note"], "text"),
        ("podLabels", template["metadata"]["labels"], LABELS | {"team": "platform"}),
        ("service", (service["ipFamilyPolicy"], service["ipFamilies"]), ("PreferDualStack", ["IPv6", "IPv4"])),
        ("networkPolicy.controlPlane", objects["NetworkPolicy playbook"]["spec"]["ingress"][0]["from"],
         [{"ipBlock": {"cidr": cidr}} for cidr in CIDRS]),
        ("monitoring.namespace", objects["NetworkPolicy playbook-metrics"]["spec"]["ingress"][0]["from"][0]["namespaceSelector"],
         {"matchLabels": {"kubernetes.io/metadata.name": "observability"}}),
        ("monitoring.labels", alerts["metadata"]["labels"], LABELS | {"release": "prometheus"}),
        ("monitoring.docs", str(alerts).count("https://example.com/docs/"), len(alerts["spec"]["groups"][0]["rules"])),
        ("audit.schedule", job["schedule"], "5 4 * * *"),
        ("rbac", [f"ClusterRole playbook-companions-{name}" in objects for name in ("keda", "istio")], [False, True]),
    ]:
        if found != wanted:
            yield f"{value} renders {found} instead of {wanted}"
    fewest = {item["kind"]: item for item in render(FEWEST)}
    if kinds := {"HorizontalPodAutoscaler", "NetworkPolicy", "PodDisruptionBudget"} & fewest.keys():
        yield f"{sorted(kinds)} are rendered, although they are disabled"
    if (found := fewest["Deployment"]["spec"].get("replicas")) != FEWEST["replicas"]:
        yield f"replicas renders {found} without autoscaling instead of {FEWEST['replicas']}"
    for policies in ({"workloads": "Ignore", "scaling": "Fail"}, {"traffic": "Fail"}):
        wanted = {"workloads": "Fail"} | policies
        for webhook in (webhook for item in render({"failurePolicy": policies}) for webhook in item.get("webhooks", [])):
            if webhook["failurePolicy"] != wanted.get(webhook["name"].split(".")[0], "Ignore"):
                yield f"failurePolicy {policies}: {webhook['name']} has {webhook['failurePolicy']}"


def check_rejections():
    """Checks that wrong values are rejected, and that the error names the place."""
    for values, place in REJECTED:
        is_rendered, text = template(values)
        if is_rendered or place not in text:
            yield f"{values} must be rejected with an error that names {place!r}: {text[:300]}"
    for namespace in ("default", "kube-system"):
        is_rendered, text = template({}, namespace=namespace)
        if is_rendered or f'not "{namespace}"; use --namespace playbook' not in text:
            yield f"the namespace {namespace} must be rejected: {text[:300]}"


def check_defaults(defaults):
    """Checks that the schema accepts the program's defaults of the settings."""
    settings = json.loads(pathlib.Path(CHART, "values.schema.json").read_text())["properties"]["settings"]["properties"]
    is_rendered, text = template({"settings": {name: value for name, value in defaults.items() if name in settings}})
    if not is_rendered:
        yield f"a default of the program is rejected: {text[:300]}"


def texts(value, key=""):
    """Yields each text of an object, with the key that it is at."""
    for name, part in value.items() if isinstance(value, dict) else ((key, part) for part in value):
        if isinstance(part, dict | list):
            yield from texts(part, name)
        else:
            yield name, str(part)


def check_namespaces():
    """Checks that in another namespace nothing refers to the namespace `playbook`."""
    other = "policy-system"
    for certificates in ("self", "cert-manager"):
        values = {"certificates": {"source": certificates}, "monitoring": {"enabled": True}, "audit": {"enabled": True}}
        for item in render(values, other, with_tests=True):
            for key, text in texts(item):
                is_excluded = key == "values" and text == NAMESPACE
                is_named = key == "namespace" and text not in (other, "default")
                if is_excluded or is_named or re.search(r"\bplaybook\.playbook\b|\bplaybook/playbook\b|namespace=\"playbook\"", text):
                    yield f"in the namespace {other}, {title(item)} has {key}: {text}"


def check_page(page):
    """Checks that the values on a page can be used as they are."""
    blocks = re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
    if not blocks:
        yield f"{page} shows no values"
    for block in blocks:
        is_rendered, text = template(yaml.safe_load(block.replace("REGISTRY", "registry.example.com").replace("COMMIT", "0000000")))
        if not is_rendered:
            yield f"the values in {page} cannot be used: {text}"
