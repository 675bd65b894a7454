"""Accounts and the numbers of replicas that they can set, by `/scale` and by an update of `spec.replicas` alone."""

from checks import admitted, check, denied, needs_controllers
from checks.operators import Account
from checks.rollbacks import permit
from control_plane import CONTROL_PLANE
from objects import budget, definition, deployment

ROLLOUTS = "system:serviceaccount:argo-rollouts:argo-rollouts"


def autoscaler(name, namespace, least, most):
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": name, "namespace": namespace}, "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}, "minReplicas": least, "maxReplicas": most,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}}]}}


def set_count(client, namespace, count, user=None, part="scale", dry_run=False):
    path = client.place("Deployment", "web", namespace, part) + ("?dryRun=All" if dry_run else "")
    return client.call("PATCH", path, {"spec": {"replicas": count}}, user, "application/merge-patch+json")


@check
def the_number_of_replicas_is_changed_only_by_permitted_accounts(cluster):
    """Each row: the account, the number before, the request, the new number, and the outcome."""
    needs_controllers(cluster)
    namespace = cluster.namespace("counts")
    cluster.guard(namespace)
    admitted(cluster.client.create(deployment("web", namespace)))
    delivery = Account(cluster, "flagger", "flagger").may("cluster-delivery", {
        "apiGroups": ["apps"], "resources": ["deployments", "deployments/scale"], "verbs": ["get", "update", "patch"]})
    person, flagger = cluster.client, delivery.client()
    keda = Account(cluster, "keda", "keda-operator").may("cluster-keda", {
        "apiGroups": ["*"], "resources": ["*/scale"], "verbs": ["get", "update", "patch"]}).client()
    # Without KEDA, a user who can create namespaces could create its account.
    denied(set_count(keda, namespace, 1), "replicas")
    admitted(cluster.client.create(definition("keda.sh", "v1alpha1", "scaledobjects", "ScaledObject", "Namespaced")))
    cluster.wait_for("KEDA is known", lambda: set_count(keda, namespace, 1, dry_run=True).status == 200)
    permit(cluster, namespace, "system:serviceaccount:argocd:argocd-application-controller")
    argo_cd = Account(cluster, "argocd", "argocd-application-controller").client()
    rows = [
        ("a person", person, None, 3, "scale", 1, "replicas"),
        ("a person", person, None, 3, None, 1, "replicas"),
        ("a person", person, None, 0, "scale", 1, "replicas"),
        ("a person", person, None, 0, None, 1, "replicas"),
        ("a person", person, None, 3, "scale", 0, None),
        ("a person", person, None, 0, "scale", 2, None),
        ("Argo CD", argo_cd, None, 3, None, 1, "replicas"),
        ("Flagger", flagger, None, 0, "scale", 1, None),
        ("Flagger", flagger, None, 1, None, 2, None),
        ("Flagger", flagger, None, 3, "scale", 1, "replicas"),
        ("KEDA", keda, None, 3, "scale", 1, None),
        ("KEDA", keda, None, 1, "scale", 0, None),
        ("KEDA", keda, None, 0, "scale", 1, None),
        ("Argo Rollouts", person, ROLLOUTS, 3, None, 2, None),
        ("Argo Rollouts", person, ROLLOUTS, 2, None, 1, None),
        ("Argo Rollouts", person, ROLLOUTS, 1, None, 0, None),
    ]
    if not cluster.resource("/apis/argoproj.io/v1alpha1", "rollouts"):
        rows = [row for row in rows if row[2] != ROLLOUTS]
    permit(cluster, namespace, ROLLOUTS)
    wrong = []
    for who, client, user, before, part, after, rule in rows:
        admitted(set_count(person, namespace, before, CONTROL_PLANE))
        answer = set_count(client, namespace, after, user, part)
        if (rule not in answer.rules) if rule else answer.status != 200:
            wrong.append(f"{who} {before} to {after} by {part or 'update'}: {answer}")
    assert not wrong, wrong
    return f"{len(rows)} rows"


@check
def the_HPA_controller_scales_to_its_bounds(cluster):
    needs_controllers(cluster)
    namespace = cluster.namespace("autoscaled")

    def count():
        return cluster.client.get("Deployment", "web", namespace)["spec"]["replicas"]
    cluster.guard(namespace)
    admitted(cluster.client.create(deployment("web", namespace, replicas=5)))
    # Existing workloads from before the webhook, also with a single replica.
    for least, most in ((2, 3), (1, 1)):
        cluster.client.delete("HorizontalPodAutoscaler", "web", namespace)
        cluster.old(autoscaler("web", namespace, least, most))
        cluster.wait_for(f"{most} replicas", lambda most=most: count() == most)
    cluster.client.delete("HorizontalPodAutoscaler", "web", namespace)
    cluster.old(autoscaler("web", namespace, 2, 3))
    cluster.wait_for("2 replicas", lambda: count() == 2)


@check
def a_number_of_replicas_that_prevents_evictions_is_denied(cluster):
    needs_controllers(cluster)
    namespace = cluster.namespace("counts-guarded")
    admitted(cluster.client.create(budget("web", namespace, minAvailable=2)))
    admitted(cluster.client.create(deployment("web", namespace)))
    cluster.wait_for("the budget is known", lambda: any(
        "[disruption-allowed" in line for line in set_count(cluster.client, namespace, 2, dry_run=True).warnings))
    denied(set_count(cluster.client, namespace, 2), "disruption-allowed")
    denied(set_count(cluster.client, namespace, 2, part=None), "disruption-allowed")
    admitted(set_count(cluster.client, namespace, 4))
    admitted(set_count(cluster.client, namespace, 0))
