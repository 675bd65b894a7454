"""Denials and warnings: the output of kubectl, and the responses that tools receive."""

import json

import yaml

from checks import admitted, check, denied, is_named, warned
from control_plane import CONTROL_PLANE
from objects import BROKEN, bad_deployment, bad_pod, container, deployment
from replica import Asker

# The rules that the fixtures' objects violate (or the rule of their warning), by kind and name.
REFUSED = {
    ("StatefulSet", "queue"): "liveness-probe", ("DaemonSet", "node-agent"): "liveness-probe", ("Job", "reindex"): "run-as-non-root",
    ("CronJob", "report"): "run-as-non-root", ("Pod", "by-hand"): "controller-managed", ("Ingress", "shop"): "gateway-api",
    ("Service", "direct"): "load-balancer-service", ("Service", "node-port"): "load-balancer-service",
    ("ConfigMap", "catalogue"): "inline-credentials", ("PodDisruptionBudget", "stuck"): "disruption-allowed",
    ("PodDisruptionBudget", "everything"): "disruption-allowed", ("StorageClass", "plain"): "encrypted-storage",
}
CATALOGUE = {"readiness-probe", "replicas", "graceful-shutdown", "inline-credentials", "static-aws-credentials", "run-as-non-root",
             "privilege-escalation", "host-isolation", "image-tag", "memory-request-equals-limit", "cpu-request",
             "base-node-group"}
WARNED = {("NetworkPolicy", "open"): "broad-network-rules", ("LimitRange", "bad"): "limit-range"}


@check
def a_bad_Deployment_is_denied_with_all_findings(cluster):
    namespace = cluster.namespace("denials")
    answer = denied(cluster.client.create(bad_deployment("web", namespace)), *BROKEN)
    assert answer.body["reason"] == "Forbidden", answer.body["reason"]
    fields = {cause["field"] for cause in answer.body["details"]["causes"] if cause["reason"] == "liveness-probe"}
    assert fields == {"spec.template.spec.containers[0].livenessProbe"}, fields


@check
def kubectl_prints_a_denial_with_suggested_changes_on_separate_lines(cluster):
    cluster.namespace("denials")
    outcome = cluster.kubectl("create", "--filename=-", "--validate=false", stdin=bad_deployment("web", "denials"))
    lines = outcome.err.splitlines()
    assert outcome.code == 1, outcome
    assert any('admission webhook "workloads.playbook.superinc.com" denied the request: ' in line for line in lines), outcome
    assert any(line.startswith("- liveness-probe: ") for line in lines), outcome
    assert any(line.startswith("    ") and "livenessProbe:" in line for line in lines), outcome


@check
def a_good_Deployment_with_its_PodDisruptionBudget_is_admitted(cluster):
    namespace = cluster.namespace("good")
    cluster.guard(namespace)
    admitted(cluster.client.create(deployment("web", namespace)))


def fixtures(name):
    with open(f"Tests/Fixtures/manifests/{name}.yaml") as file:
        return [each for each in yaml.safe_load_all(file) if each]


@check
def the_good_fixtures_are_admitted(cluster):
    cluster.namespace("shop")
    objects = fixtures("0-namespace") + fixtures("1-checkout-good")
    served = [each for each in objects if cluster.serves(each) and not cluster.is_stood_in_for(each)]
    cluster.guard("shop", "checkout", {"app.kubernetes.io/name": "checkout"})
    outcome = cluster.kubectl("apply", "--validate=false", "--filename=-", stdin=served)
    assert outcome.code == 0, outcome
    return f"{len(served)} of {len(objects)}, whose kinds are served here"


@check
def each_bad_fixture_is_denied_or_gets_warnings(cluster):
    cluster.namespace("shop")
    # Applied, so that the request shows who wrote `replicas: 1`.
    outcome = cluster.kubectl("apply", "--validate=false", "--filename=-", stdin=fixtures("2-catalogue-bad"))
    unnamed = [rule for rule in CATALOGUE if not is_named(rule, outcome.err)]
    assert outcome.code == 1 and not unnamed, f"{unnamed} of Deployment catalogue: {outcome}"
    missing = []
    for value in fixtures("3-kinds"):
        key = (value["kind"], value["metadata"]["name"])
        rule = REFUSED.get(key) or WARNED.get(key)
        if not rule:
            continue
        if not cluster.serves(value) or cluster.is_stood_in_for(value):
            missing.append(" ".join(key))
            continue
        outcome = cluster.kubectl("create", "--dry-run=server", "--validate=false", "--filename=-", stdin=value)
        if key in REFUSED:
            assert outcome.code == 1 and is_named(rule, outcome.err), f"{key}: {outcome}"
        else:
            assert outcome.code == 0 and f"[{rule}" in outcome.err, f"{key}: {outcome}"
    return f"not served here: {', '.join(missing)}" if missing else None


@check
def custom_resources_are_evaluated(cluster):
    cluster.namespace("denials")
    rollout = deployment("web", "denials") | {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"}
    del container(rollout)["readinessProbe"]
    denied(cluster.client.create(rollout), "readiness-probe")
    pool = {"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "general"}, "spec": {
        "disruption": {"consolidateAfter": "Never"}, "template": {"spec": {
            "expireAfter": "Never", "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
            "requirements": [{"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["spot"]}]}}}}
    denied(cluster.client.create(pool), "node-pool-lifecycle")


def much_to_warn_about(namespace):
    """More warnings than an API server forwards: thirty containers, each with a CPU limit.

    Their ports have different names: the API server warns about each name that comes twice, and all warnings share 4,096 characters.
    """
    value = deployment("many", namespace)
    first = container(value)
    first["resources"]["limits"]["cpu"] = "1"

    def probe(path, number):
        return {"httpGet": {"path": path, "port": f"http-{number}"}}
    value["spec"]["template"]["spec"]["containers"] = [first | {
        "name": f"app-{number}", "ports": [{"name": f"http-{number}", "containerPort": 8080 + number}],
        "livenessProbe": probe("/livez", number), "readinessProbe": probe("/readyz", number)} for number in range(30)]
    return value


@check
def warnings_arrive_complete_and_the_last_line_counts_the_rest(cluster):
    """The API server forwards all warnings of the server, and the last line counts the findings that did not fit."""
    namespace = cluster.namespace("warnings")
    cluster.guard(namespace, "many")

    def create():
        return cluster.client.create(much_to_warn_about(namespace), dry_run=True)
    cluster.wait_for("the budget is known", lambda: not any("[pod-disruption-budget" in line for line in create().warnings))
    answer = warned(create(), "cpu-limit")
    assert sum(map(len, answer.warnings)) < 4096 and all(len(line) <= 256 for line in answer.warnings)
    *shown, last = answer.warnings
    assert all(" [" in line and "]; " in line for line in shown), shown
    words = last.split()
    assert words[0] == "and" and words[2:4] == ["more", "findings;"] and len(shown) + int(words[1]) >= 30, last
    group = {"group": "apps", "version": "v1"}
    review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "1", "kind": group | {"kind": "Deployment"}, "resource": group | {"resource": "deployments"}, "operation": "CREATE",
        "name": "many", "namespace": namespace, "userInfo": {"username": "admin", "groups": ["system:masters"]},
        "object": answer.body, "oldObject": None, "dryRun": True}}
    asker = Asker(cluster.replicas[0].port, cluster.bundles()[0])
    said = json.loads(asker.ask(json.dumps(review))[1])["response"]["warnings"]
    asker.close()
    assert answer.warnings == said, f"{answer.warnings} is not {said}"
    return f"{len(shown)} and a last line: {last!r}"


@check
def kubectl_prints_each_warning_on_a_line(cluster):
    value = much_to_warn_about(cluster.namespace("warnings"))
    outcome = cluster.kubectl("create", "--dry-run=server", "--validate=false", "--filename=-", stdin=value)
    expected = cluster.client.create(value, dry_run=True).warnings
    printed = [line.removeprefix("Warning: ") for line in outcome.err.splitlines() if line.startswith("Warning: ")]
    assert outcome.code == 0 and printed == expected, f"{printed} is not {expected}"


@check
def the_control_plane_and_its_controllers_are_never_denied(cluster):
    cluster.namespace("denials")
    admitted(cluster.client.create(bad_deployment("control-plane", "denials"), CONTROL_PLANE))
    controller = "system:serviceaccount:kube-system:replicaset-controller"
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "1", "controller": True}
    admitted(cluster.client.create(bad_pod("web-1", "denials", ownerReferences=[owner]), controller))
    # All users can write owner references; those in requests of people are ignored.
    denied(cluster.client.create(bad_pod("web-2", "denials", ownerReferences=[owner])), "controller-managed")
    for namespace in ("kube-system", "playbook"):
        admitted(cluster.client.create(bad_deployment("system", namespace), dry_run=True))


@check
def an_exemption_on_a_Namespace_needs_a_reason(cluster):
    key = "playbook.superinc.com/exempt"
    bare = cluster.namespace("exempt-bare", **{key: "*"})
    full = cluster.namespace("exempt-full", **{key: "*", f"{key}-reason": "moves out in spring"})
    some = cluster.namespace("exempt-some", **{key: "image-tag", f"{key}-reason": "moves out in spring"})
    ended = cluster.namespace("exempt-ended", **{key: "*", f"{key}-reason": "moved out", f"{key}-until": "2020-01-31"})
    cluster.wait_for("exemptions of a Namespace are known",
                     lambda: cluster.client.create(bad_deployment("web", full), dry_run=True).status == 201)
    admitted(cluster.client.create(bad_deployment("web", full)))
    denied(cluster.client.create(bad_deployment("web", bare)), *BROKEN)
    denied(cluster.client.create(bad_deployment("web", ended)), *BROKEN)
    answer = denied(cluster.client.create(bad_deployment("web", some)), *BROKEN - {"image-tag"})
    assert "image-tag" not in answer.rules, answer


@check
def dry_run_mode_allows_everything_and_reports_what_would_be_denied(cluster):
    namespace = cluster.namespace("staging")
    with cluster.settings(PLAYBOOK_MODE="dry-run"):
        answer = warned(cluster.client.create(bad_deployment("web", namespace)), *BROKEN)
        assert sum("would be denied]" in line for line in answer.warnings) >= len(BROKEN), answer
    denied(cluster.client.create(bad_deployment("again", namespace)), *BROKEN)
    annotations = [event["annotations"] for event in cluster.audited("staging", "web") if event.get("annotations")]
    key = "workloads.playbook.superinc.com/rules-would-deny"
    assert any(set(each.get(key, "").split(",")) >= BROKEN for each in annotations), annotations
