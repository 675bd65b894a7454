"""Subresources: scale, resize and ephemeral containers, and the status, which is not evaluated."""

import copy

from checks import Skipped, admitted, check, denied
from objects import bad_deployment, bad_pod, deployment

AUTOSCALER = ("system:serviceaccount:kube-system:horizontal-pod-autoscaler", "system:masters")


@check
def only_the_HPA_controller_scales_to_one_replica(cluster):
    namespace = cluster.namespace("scale")
    cluster.guard(namespace)
    admitted(cluster.client.create(deployment("web", namespace)))

    def scale(count, user=None):
        return cluster.client.patch("Deployment", "web", namespace, {"spec": {"replicas": count}}, user, part="scale")
    denied(scale(1), "replicas")
    admitted(scale(4))
    admitted(scale(0))
    admitted(scale(1, AUTOSCALER))
    outcome = cluster.kubectl("scale", "deployment/web", "--replicas=1", f"--namespace={namespace}", "--current-replicas=1")
    assert outcome.code == 0 or "- replicas: " in outcome.err, outcome


@check
def a_resize_of_a_running_Pod_is_evaluated(cluster):
    if not cluster.resource("/api/v1", "pods/resize"):
        raise Skipped("this API server has no pods/resize (from 1.32 on, by default from 1.33)")
    namespace = cluster.namespace("resize")
    value = bad_pod("web", namespace)
    value["spec"]["containers"][0]["resources"] = {
        "requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "64Mi"}}
    cluster.old(value)

    def resize(**limits):
        change = {"spec": {"containers": [{"name": "app", "resources": {"limits": limits}}]}}
        path = cluster.client.place("Pod", "web", namespace, "resize")
        return cluster.client.call("PATCH", path, change, content="application/strategic-merge-patch+json")
    denied(resize(memory="128Mi"), "memory-request-equals-limit")


@check
def an_ephemeral_container_is_evaluated_like_any_other(cluster):
    found = cluster.resource("/api/v1", "pods/ephemeralcontainers")
    if not found or found["kind"] != "Pod":
        raise Skipped("pods/ephemeralcontainers does not take a Pod in this API server (from 1.22 on, by default from 1.23)")
    namespace = cluster.namespace("ephemeral")
    cluster.old(bad_pod("web", namespace))
    change = {"spec": {"ephemeralContainers": [{
        "name": "debugger", "image": "docker.io/evil/miner:latest", "securityContext": {"privileged": True}}]}}
    path = cluster.client.place("Pod", "web", namespace, "ephemeralcontainers")
    answer = cluster.client.call("PATCH", path, change, content="application/strategic-merge-patch+json")
    denied(answer, "privilege-escalation")


@check
def a_status_is_not_evaluated(cluster):
    namespace = cluster.namespace("status")
    value = copy.deepcopy(cluster.old(bad_deployment("web", namespace)))
    value["status"] = {"observedGeneration": 1, "replicas": 3}
    # The controller writes the status at the same time.
    value["metadata"].pop("resourceVersion", None)
    path = cluster.client.place("Deployment", "web", namespace, "status")
    answer = admitted(cluster.client.call("PUT", path, value))
    assert not answer.warnings and answer.body["status"]["replicas"] == 3, answer
