"""Objects over time: stored fixes, existing objects that must not change, and deletion."""

from checks import Skipped, admitted, check, denied, warned
from objects import bad_deployment, bad_job, container, deployment, pod

FINALIZER = "e2e.superinc.com/hold"


@check
def fixes_are_stored_and_applied_only_once(cluster):
    namespace = cluster.namespace("fixes")
    cluster.guard(namespace)
    value = deployment("web", namespace)
    del pod(value)["topologySpreadConstraints"]
    del pod(value)["securityContext"]["runAsNonRoot"]
    container(value)["resources"] = {"requests": {"memory": "256Mi"}, "limits": {"cpu": "500m", "memory": "256Mi"}}
    outcome = cluster.kubectl("apply", "--filename=-", "--validate=false", stdin=value)
    assert outcome.code == 0, outcome
    stored = cluster.client.get("Deployment", "web", namespace)
    # The container's own, which counts before the pod's.
    assert container(stored)["securityContext"]["runAsNonRoot"] is True, pod(stored)
    assert container(stored)["resources"]["requests"]["cpu"] == "500m", container(stored)
    spread = pod(stored)["topologySpreadConstraints"]
    assert len(spread) == 1, spread
    assert (spread[0]["maxSkew"], spread[0]["topologyKey"], spread[0]["whenUnsatisfiable"]) == (
        1, "topology.kubernetes.io/zone", "ScheduleAnyway"), spread
    assert spread[0]["labelSelector"] == {"matchLabels": {"app": "web"}}, spread
    for rule in ("run-as-non-root", "topology-spread", "cpu-request"):
        assert any(rule in line for line in outcome.err.splitlines() if line.startswith("Warning: ")), f"{rule}: {outcome}"
    again = cluster.kubectl("apply", "--filename=-", "--validate=false", stdin=value)
    assert "unchanged" in again.out or "configured" in again.out, again
    assert cluster.client.get("Deployment", "web", namespace)["spec"]["template"] == stored["spec"]["template"]


@check
def annotating_an_existing_bad_Deployment_does_not_restart_its_pods(cluster):
    namespace = cluster.namespace("old")
    value = bad_deployment("legacy", namespace)
    # The fields that a fix would set.
    del pod(value)["topologySpreadConstraints"]
    del pod(value)["securityContext"]["runAsNonRoot"]
    before = cluster.old(value)
    with cluster.settings(PLAYBOOK_FIX="all"):
        outcome = cluster.kubectl("annotate", "deployment/legacy", "note=seen", f"--namespace={namespace}")
        assert outcome.code == 0, outcome
        after = cluster.client.get("Deployment", "legacy", namespace)
        assert after["metadata"]["annotations"]["note"] == "seen"
        assert after["spec"] == before["spec"], f"{after['spec']} is not {before['spec']}"
        # The number of replicas can change too; its pods remain.
        admitted(cluster.client.patch("Deployment", "legacy", namespace, {"spec": {"replicas": 4}}))
        assert cluster.client.get("Deployment", "legacy", namespace)["spec"]["template"] == before["spec"]["template"]


@check
def existing_violations_warn_and_new_ones_are_denied(cluster):
    namespace = cluster.namespace("ratchet")
    cluster.old(bad_deployment("legacy", namespace))

    def set_image(text):
        path = cluster.client.place("Deployment", "legacy", namespace)
        change = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": text}]}}}}
        return cluster.client.call("PATCH", path, change, content="application/strategic-merge-patch+json")
    answer = warned(set_image("222222222222.dkr.ecr.eu-west-1.amazonaws.com/shop/web:1.4.3-9f3c1ab"), "liveness-probe")
    assert any("existing]; " in line for line in answer.warnings), answer
    denied(set_image("docker.io/evil/miner:latest"), "image-tag")


@check
def an_existing_suspended_Job_can_be_resumed(cluster):
    namespace = cluster.namespace("jobs")
    cluster.old(bad_job("running", namespace))
    warned(cluster.client.patch("Job", "running", namespace, {"spec": {"parallelism": 2}}), "image-registry")
    if not cluster.has_field("io.k8s.api.batch.v1.JobSpec", "suspend"):
        raise Skipped("Jobs have no `suspend` in this API server (from 1.21 on); another change of an old Job was admitted")
    cluster.old(bad_job("suspended", namespace, suspend=True))
    warned(cluster.client.patch("Job", "suspended", namespace, {"spec": {"suspend": False}}), "image-registry")


@check
def finalizers_can_be_removed_from_a_bad_object(cluster):
    namespace = cluster.namespace("finalizers")
    value = bad_deployment("going", namespace)
    value["metadata"]["finalizers"] = [FINALIZER]
    cluster.old(value)
    admitted(cluster.client.delete("Deployment", "going", namespace))
    stored = cluster.client.get("Deployment", "going", namespace)
    assert stored["metadata"]["deletionTimestamp"]
    # Any value can still be set in a terminating object.
    image = [container(stored) | {"image": "docker.io/evil/miner:latest"}]
    denied(cluster.client.patch("Deployment", "going", namespace, {"spec": {"template": {"spec": {"containers": image}}}}), "image-tag")
    admitted(cluster.client.patch("Deployment", "going", namespace, {"metadata": {"finalizers": None}}))
    assert cluster.client.get("Deployment", "going", namespace)["code"] == 404
