"""Renders the overlays and checks the objects; run by scripts/render-check."""

import copy
import itertools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import kubernetes_validate
import yaml

import chart_checks

PLAYBOOK = pathlib.Path(".build/debug/playbook").resolve()
KUBERNETES = "1.30"  # the oldest supported version
NAMESPACE = "playbook"
SELF, CERT_MANAGER = "../../components/self-certificates", "../../components/cert-manager"
MONITORING, AUDIT = "../../components/monitoring", "../../components/audit"
START, STRICT = "../../components/profile-start", "../../components/profile-strict"
EXEMPTIONS = "../../components/exemptions-file"
OPERATIONS, INSTALL = pathlib.Path("docs/operations.md"), pathlib.Path("docs/install.md")

# Rules that are not evaluated, because no rendered object has the kind that they need: {rule: reason}.
UNKNOWN = {
    "vertical-autoscaler-conflict": "there is no VerticalPodAutoscaler",
    "pod-security-group": "off by default, and a SecurityGroupPolicy needs the IDs of an account's security groups; there are NetworkPolicies",
}
# Changes that must violate a rule: (kind, change of the object, rule).
BREAKS = [
    ("Deployment", lambda d: container(d)["resources"]["limits"].update(memory="512Mi"), "memory-request-equals-limit"),
    ("Deployment", lambda d: container(d)["resources"]["limits"].update(cpu="1"), "cpu-limit"),
    ("Deployment", lambda d: container(d).pop("livenessProbe"), "liveness-probe"),
    ("Deployment", lambda d: pod(d)["securityContext"].pop("runAsNonRoot"), "run-as-non-root"),
    ("Deployment", lambda d: pod(d).pop("topologySpreadConstraints"), "topology-spread"),
    ("Deployment", lambda d: pod(d).update(terminationGracePeriodSeconds=0), "graceful-shutdown"),
    ("Deployment", lambda d: d["spec"]["template"]["metadata"]["labels"].update({"app.kubernetes.io/name": "other"}),
     "pod-disruption-budget"),
    ("Deployment", lambda d: pod(d).update(tolerations=[{"operator": "Exists"}]), "base-node-group"),
    ("HorizontalPodAutoscaler", lambda d: d["spec"].update(minReplicas=1), "autoscaler-bounds"),
    ("LimitRange", lambda d: d["spec"]["limits"][0]["default"].update(cpu="1"), "limit-range"),
    ("PodDisruptionBudget", lambda d: d["spec"].update(maxUnavailable=0), "disruption-allowed"),
    ("PodDisruptionBudget", lambda d: d["spec"].pop("unhealthyPodEvictionPolicy"), "unhealthy-pod-eviction"),
]

failures = []


def fail(text):
    failures.append(text)
    print(f"render-check: {text}", file=sys.stderr)


def pod(deployment):
    return deployment["spec"]["template"]["spec"]


def container(deployment):
    return pod(deployment)["containers"][0]


def variants():
    """Yields every overlay unchanged, and with other components: (name, overlay, edit of its components, values of the chart)."""
    by_hand, exemptions = {"certificates": {"source": "files"}}, pathlib.Path("deploy/components/exemptions-file/exemptions.txt").read_text()
    for overlay in sorted(path.name for path in pathlib.Path("deploy/overlays").iterdir()):
        yield overlay, overlay, lambda components: components, {}
        yield f"{overlay}, certificates by hand", overlay, lambda components: [], by_hand
        yield (f"{overlay}, cert-manager, monitoring", overlay, lambda components: [CERT_MANAGER, MONITORING],
               {"certificates": {"source": "cert-manager"}, "monitoring": {"enabled": True}})
        yield (f"{overlay}, self-certificates, monitoring, audit", overlay, lambda components: [SELF, MONITORING, AUDIT],
               {"monitoring": {"enabled": True}, "audit": {"enabled": True}})
        yield (f"{overlay}, profile-start, audit, exemptions-file", overlay, lambda components: [SELF, START, AUDIT, EXEMPTIONS],
               {"profile": "start", "audit": {"enabled": True}, "exemptions": exemptions})
        yield (f"{overlay}, certificates by hand, profile-strict, exemptions-file", overlay, lambda components: [EXEMPTIONS, STRICT],
               by_hand | {"profile": "strict", "exemptions": exemptions})


def render(overlay, edit):
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree("deploy", f"{folder}/deploy")
        path = pathlib.Path(folder, "deploy/overlays", overlay)
        file = path / "kustomization.yaml"
        kustomization = yaml.safe_load(file.read_text())
        listed = kustomization.get("components", [])
        # Each variant has the rights to kinds of other products.
        products = [component for component in listed if "/rbac-" in component]
        kustomization["components"] = edit([component for component in listed if component not in products]) + products
        file.write_text(yaml.safe_dump(kustomization))
        text = subprocess.run([os.environ["KUBECTL"], "kustomize", path], check=True, capture_output=True, text=True).stdout
    return [item for item in yaml.safe_load_all(text) if item]


def title(item):
    return f"{item['kind']} {item['metadata']['name']}"


def review(item):
    """Returns the review that an API server sends for `kubectl create`."""
    group, _, version = item["apiVersion"].rpartition("/")
    kind = {"group": group, "version": version, "kind": item["kind"]}
    resource = {"group": group, "version": version, "resource": item["kind"].lower() + "s"}
    request = {"uid": title(item), "kind": kind, "resource": resource, "requestKind": kind, "requestResource": resource,
               "operation": "CREATE", "name": item["metadata"]["name"],
               "userInfo": {"username": "platform-engineer", "groups": ["system:authenticated"]},
               "object": item, "oldObject": None, "dryRun": False}
    if "namespace" in item["metadata"]:
        request["namespace"] = item["metadata"]["namespace"]
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}


def findings(objects):
    """Returns the findings of all rules, also of those that are off by default, and the rules that were not evaluated."""
    rules = json.loads(subprocess.run([PLAYBOOK, "rules", "--format", "json"], check=True, capture_output=True, env={}).stdout)
    levels = [word for rule in rules if rule["level"] == "off" for word in ("--level", f"{rule['id']}=warn")]
    with tempfile.TemporaryDirectory() as folder:
        companions = pathlib.Path(folder, "companions.yaml")
        companions.write_text(yaml.safe_dump_all(objects))
        lines = "".join(json.dumps(review(item)) + "\n" for item in objects)
        run = subprocess.run([PLAYBOOK, "review", "--format", "json", "--include-system", "--companions", companions, *levels, "-"],
                             input=lines, capture_output=True, text=True, env={})
    if run.returncode == 2:
        sys.exit(f"render-check: the manifests cannot be evaluated:\n{run.stderr}")
    report = json.loads(run.stdout)
    if report["summary"]["reviews"] != len(objects):
        sys.exit(f"render-check: only {report['summary']['reviews']} of {len(objects)} objects were evaluated")
    return report["findings"], report["summary"]["notEvaluated"]


def check_rules(name, objects):
    found, unknown = findings(objects)
    for finding in found:
        fail(f"{name}: {finding['object']}: {finding['rule']}: {finding['message']}")
    unknown = set(unknown) - set(UNKNOWN)
    if unknown:
        fail(f"{name}: not evaluated: {sorted(unknown)}")


def check_schema(name, objects):
    for item in objects:
        if re.search(r"(cert-manager\.io|monitoring\.coreos\.com)/", item["apiVersion"]):
            continue  # not a Kubernetes kind
        try:
            kubernetes_validate.validate(item, KUBERNETES, strict=True)
        except kubernetes_validate.ValidationError as error:
            fail(f"{name}: {title(item)}: {'.'.join(map(str, error.path))}: {error.message}")


def check_settings(name, objects):
    """Checks that the server starts with the environment of its container."""
    deployment = next(item for item in objects if item["kind"] == "Deployment")
    maps = {item["metadata"]["name"]: item["data"] for item in objects if item["kind"] == "ConfigMap"}
    environment = {}
    for source in container(deployment)["envFrom"]:
        environment |= maps[source["configMapRef"]["name"]]
    for entry in container(deployment)["env"]:
        field = entry.get("valueFrom", {})
        if "resourceFieldRef" in field:
            value = "1"  # rounded up
        elif field:
            value = deployment["metadata"]["namespace"]
        else:
            value = entry["value"]
        environment[entry["name"]] = value
    source = environment.get("PLAYBOOK_CERTIFICATES", "files")
    mounts = [volume for volume in pod(deployment).get("volumes", []) if volume["name"] == "tls"]
    if (source == "files") != bool(mounts):
        fail(f"{name}: PLAYBOOK_CERTIFICATES is {source}, and the pod has {len(mounts)} certificates mounted")
    if source == "self":
        check_own_certificate(name, objects, environment)
    with tempfile.TemporaryDirectory() as directory:
        if file := environment.get("PLAYBOOK_EXEMPT_FILE"):
            copied = pathlib.Path(directory, "exemptions")
            copied.write_text(mounted(deployment, maps, pathlib.PurePosixPath(file)))
            environment["PLAYBOOK_EXEMPT_FILE"] = str(copied)
        run = subprocess.run([PLAYBOOK, "config"], capture_output=True, text=True, env=environment)
    if run.returncode != 0:
        fail(f"{name}: the server would not start:\n{run.stderr}")
    mode = environment.get("PLAYBOOK_MODE")
    if mode != {"staging": "dry-run", "production": "enforce"}[name.split(",")[0]]:
        fail(f"{name}: PLAYBOOK_MODE is {mode}")


def mounted(deployment, maps, file):
    """Returns the text of a file that the pod mounts from a ConfigMap."""
    mount = next(mount for mount in container(deployment)["volumeMounts"] if mount["mountPath"] == str(file.parent))
    volume = next(volume for volume in pod(deployment)["volumes"] if volume["name"] == mount["name"])
    return maps[volume["configMap"]["name"]][file.name]


def check_own_certificate(name, objects, environment):
    """Checks that the objects that the server manages exist under their configured names, and that it has the rights to them."""
    table = {row["name"]: row["default"] for row in json.loads(
        subprocess.run([PLAYBOOK, "config", "--format", "json"], check=True, capture_output=True, env={}).stdout)}

    def value(setting):
        return environment.get(setting, table[setting])

    titles = {title(item) for item in objects}
    secret, registration = value("PLAYBOOK_CERTIFICATES_SECRET"), value("PLAYBOOK_WEBHOOK_CONFIGURATION")
    kinds = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
    for wanted in (f"Secret {secret}", f"Service {value('PLAYBOOK_SERVICE')}", *(f"{kind} {registration}" for kind in kinds)):
        if wanted not in titles:
            fail(f"{name}: {wanted} is missing")
    if value("PLAYBOOK_NAMESPACE") != NAMESPACE:
        fail(f"{name}: PLAYBOOK_NAMESPACE is {value('PLAYBOOK_NAMESPACE')}")
    rules = [rule for item in objects if item["kind"] in ("Role", "ClusterRole") for rule in item["rules"]]

    def may(verb, resource, names):
        return any(verb in rule["verbs"] and resource in rule["resources"] and rule.get("resourceNames") == names
                   for rule in rules)

    for verb, resource, names in [
        ("get", "secrets", [secret]), ("update", "secrets", [secret]), ("create", "secrets", None),
        *((verb, f"{kind.lower()}s", [registration]) for kind in kinds for verb in ("get", "update")),
    ]:
        if not may(verb, resource, names):
            fail(f"{name}: the server has no right to {verb} {resource} {names or ''}")


def check_webhook_configurations(name, objects):
    """Checks that only the webhook for workloads in production fails closed, and that the Services exist."""
    for item in objects:
        for webhook in item.get("webhooks", []):
            closed = name.startswith("production") and webhook["name"].startswith("workloads.")
            if webhook["failurePolicy"] != ("Fail" if closed else "Ignore"):
                fail(f"{name}: {webhook['name']} has failurePolicy {webhook['failurePolicy']}")
            service = webhook["clientConfig"]["service"]
            if not any(title(other) == f"Service {service['name']}" for other in objects):
                fail(f"{name}: {webhook['name']} calls the Service {service['name']}, which does not exist")


def check_references(name, objects):
    """Checks that referenced objects are rendered, or documented to be created by hand."""
    here = {(item["kind"], item["metadata"]["name"]) for item in objects}
    deployment = next(item for item in objects if item["kind"] == "Deployment")
    image = container(deployment)["image"]
    if not re.search(r"/playbook:\d+\.\d+\.\d+-[0-9a-f]{12}$|@sha256:[0-9a-f]{64}$", image):
        fail(f"{name}: the image {image} is not pinned to a version and a commit")
    if ("ServiceAccount", pod(deployment)["serviceAccountName"]) not in here:
        fail(f"{name}: the ServiceAccount is missing")
    for volume in pod(deployment).get("volumes", []):
        if source := volume.get("configMap"):
            if ("ConfigMap", source["name"]) not in here:
                fail(f"{name}: the ConfigMap {source['name']} is missing")
            continue
        secret = volume["secret"]["secretName"]
        issued = {item["spec"]["secretName"] for item in objects if item["kind"] == "Certificate"}
        if "by hand" not in name and secret not in issued:
            fail(f"{name}: the Secret {secret} is missing")
    for item in objects:
        is_binding = item["kind"] in ("RoleBinding", "ClusterRoleBinding")
        if is_binding and (item["roleRef"]["kind"], item["roleRef"]["name"]) not in here:
            fail(f"{name}: {title(item)} binds a role that does not exist")
        # The test of the chart sends dry runs to the namespace `default`.
        is_test = item["metadata"].get("labels", {}).get("app.kubernetes.io/component") == "test"
        if item["metadata"].get("namespace", NAMESPACE) not in ({NAMESPACE, "default"} if is_test else {NAMESPACE}):
            fail(f"{name}: {title(item)} is in another namespace")


def check_labels(name, objects):
    """Checks the labels of all objects, and that selectors match only the intended pods."""
    for item in objects:
        if item["metadata"].get("labels", {}).get("app.kubernetes.io/name") != "playbook":
            fail(f"{name}: {title(item)} does not have the label app.kubernetes.io/name=playbook")
    service = next(item for item in objects if item["kind"] == "Service")
    selectors = [item["spec"]["podSelector"]["matchLabels"] for item in objects if item["kind"] == "NetworkPolicy"]
    for job in (item for item in objects if item["kind"] == "CronJob"):
        labels = job["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"]
        if service["spec"]["selector"].items() <= labels.items():
            fail(f"{name}: the Service sends reviews to the pods of {title(job)}")
        if not any(selector.items() <= labels.items() for selector in selectors):
            fail(f"{name}: no NetworkPolicy selects the pods of {title(job)}")


def check_chart(name, overlay, values, objects):
    """Checks that the chart renders the objects of the overlay."""
    for text in chart_checks.compare(objects, values | {"production": {}, "staging": {"mode": "dry-run"}}[overlay]):
        fail(f"{name}: {text}")


def check_chart_values():
    """Checks the values of the chart that no overlay has."""
    checks = chart_checks.check_values(), chart_checks.check_rejections(), chart_checks.check_namespaces(), chart_checks.check_page(INSTALL)
    for text in itertools.chain(*checks):
        fail(f"chart: {text}")
    table = json.loads(subprocess.run([PLAYBOOK, "config", "--format", "json"], check=True, capture_output=True, env={}).stdout)
    for text in chart_checks.check_defaults({row["name"]: row["default"] for row in table if row["default"]}):
        fail(f"chart: {text}")
    for name, values in chart_checks.RENDERED.items():
        objects = chart_checks.render(values, with_tests=True)
        for check in (check_schema, check_rules, check_settings, check_webhook_configurations, check_references, check_labels):
            check(f"production, chart with {name}", objects)


def check_breaks(objects):
    """Checks that each change in BREAKS is found, so that rules without findings are known to work."""
    for kind, change, rule in BREAKS:
        broken = copy.deepcopy(objects)
        change(next(item for item in broken if item["kind"] == kind))
        rules = {finding["rule"] for finding in findings(broken)[0]}
        if rule not in rules:
            fail(f"a {kind} that violates {rule} is reported only for {sorted(rules) or 'no rule'}")


def metric_families():
    """Returns the type of each metric of the program."""
    return {name: kind for file in pathlib.Path("Sources").rglob("*.swift")
            for name, kind in re.findall(r'family\(\s*"(\w+)",\s*\.(\w+)', file.read_text())}


def check_monitoring():
    """Checks that alerts and panels query metrics of the program, and that each alert has a runbook."""
    metrics = set()
    for name, kind in metric_families().items():
        metrics |= {name + part for part in ("_bucket", "_sum", "_count")} if kind == "histogram" else {name}
    runbooks = set(re.findall(r"^### (\w+)$", OPERATIONS.read_text().partition("\n## Alerts\n")[2], re.MULTILINE))
    queries = []
    rules = yaml.safe_load(pathlib.Path("deploy/components/monitoring/alerts.yaml").read_text())
    for alert in (rule for group in rules["spec"]["groups"] for rule in group["rules"]):
        queries.append((alert["alert"], alert["expr"]))
        link = alert["annotations"]["runbook_url"]
        if alert["alert"] not in runbooks or not link.endswith(f"/docs/operations.md#{alert['alert'].lower()}"):
            fail(f"{alert['alert']} has no runbook in docs/operations.md, or {link} is not its link")
    for name in runbooks - {name for name, _ in queries}:
        fail(f"docs/operations.md has a runbook for {name}, but there is no such alert")
    dashboard = json.loads(pathlib.Path("deploy/components/monitoring/dashboard.json").read_text())
    for panel in dashboard["panels"]:
        queries += [(panel["title"], target["expr"]) for target in panel["targets"]]
    for name, query in queries:
        for metric in re.findall(r"\b(?:playbook|process)_\w+", query):
            if metric not in metrics:
                fail(f"{name} queries {metric}, which does not exist")
    if not metrics or not queries:
        fail("no metrics or no queries were found")
    return len(queries)


def main():
    rendered = {}
    for name, overlay, edit, values in variants():
        objects = rendered[name] = render(overlay, edit)
        check_chart(name, overlay, values, objects)
        for check in (check_schema, check_rules, check_settings, check_webhook_configurations, check_references, check_labels):
            check(name, objects)
    check_chart_values()
    check_breaks(rendered["production"])
    queries = check_monitoring()
    if failures:
        sys.exit(1)
    print(f"render-check: {len(rendered)} renderings equal the chart and have no violations; {len(BREAKS)} violating changes are found; "
          f"all {queries} queries use existing metrics")


main()
