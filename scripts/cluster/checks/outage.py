"""The installed webhook as `playbook doctor` checks it, and the requests that succeed while no replica responds."""

import json
import os
import pathlib
import subprocess

from checks import admitted, check, needs_controllers
from checks.counts import ROLLOUTS, autoscaler, set_count
from checks.operators import Account
from checks.rollbacks import existed, permit
from objects import deployment


@check
def doctor_completes_all_checks(cluster):
    """The Deployment has no running pods here, and certificates are valid for two minutes: it reports these two problems only."""
    process = subprocess.run([cluster.binary, "doctor"], capture_output=True, text=True, timeout=120, check=False, env={
        "PATH": os.environ["PATH"], "KUBECONFIG": f"{cluster.folder}/admin.kubeconfig"} | cluster.overlay_settings)
    lines = process.stdout.splitlines()
    others = [line for line in lines if not line.startswith(("ok", "notice"))]
    subjects = [line.split(":")[0].split()[-1] for line in others]
    assert process.returncode == 1 and subjects == ["replicas", "certificate"], process.stdout + process.stderr
    return f"{len(lines)} answers"


def is_rejected(answer):
    return answer.status == 500 and "failed calling webhook" in answer.message


def run_documented(cluster, part):
    """Runs the block of commands in docs/operations.md that has a text in it."""
    blocks = pathlib.Path("docs/operations.md").read_text().split("```sh\n")[1:]
    command, = [block.split("```")[0] for block in blocks if part in block.split("```")[0]]
    path = f"{os.path.dirname(cluster.kubectl_path)}:{os.environ['PATH']}"
    process = subprocess.run(["bash", "-ec", command], capture_output=True, text=True, timeout=60, check=False, env={
        "PATH": path, "HOME": cluster.folder, "KUBECONFIG": f"{cluster.folder}/admin.kubeconfig"})
    assert process.returncode == 0, process.stdout + process.stderr


def conditions(cluster):
    """The match conditions of the webhook that fails closed."""
    return [each["name"] for each in cluster.client.get("ValidatingWebhookConfiguration", "playbook")["webhooks"][0]["matchConditions"]]


@check
def controllers_continue_while_no_replica_responds(cluster):
    """In production, workloads fail closed; docs/operations.md lists the rejected requests."""
    needs_controllers(cluster)
    namespace = cluster.namespace("outage")
    cluster.guard(namespace)
    existed(cluster, deployment("web", namespace))
    existed(cluster, deployment("orphaned", namespace))
    shipped = conditions(cluster)
    rollout = deployment("canary", namespace) | {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"}
    admitted(cluster.client.create(rollout))
    permit(cluster, namespace, ROLLOUTS, "cluster-admin")
    keda = Account(cluster, "keda", "keda-operator").may("cluster-keda", {
        "apiGroups": ["*"], "resources": ["*/scale"], "verbs": ["get", "update", "patch"]}).client()

    def pods():
        return {each["metadata"]["name"] for each in cluster.client.items("Pod", namespace)
                if each["metadata"]["labels"]["app"] == "web" and not each["metadata"].get("deletionTimestamp")}
    before = cluster.wait_for("three pods", lambda: len(pods()) == 3 and pods())
    with cluster.outage():
        for replica in cluster.replicas:
            replica.stop()
        try:
            change = {"metadata": {"annotations": {"rollout.argoproj.io/revision": "2"}}}
            requests = {
                "a person's update of a Deployment": lambda: cluster.client.patch(
                    "Deployment", "web", namespace, {"spec": {"minReadySeconds": 1}}),
                "KEDA's /scale": lambda: set_count(keda, namespace, 5),
                "Argo Rollouts' PATCH of its Rollout": lambda: cluster.client.patch("Rollout", "canary", namespace, change, ROLLOUTS)}
            answers = {name: request() for name, request in requests.items()}
            wrong = {name: str(answer) for name, answer in answers.items() if not is_rejected(answer)}
            assert not wrong, wrong
            # The status is not sent to the webhook, Pods are recreated, and the HPA scales.
            admitted(cluster.client.patch("Deployment", "web", namespace, {"status": {"observedGeneration": 1}}, part="status"))
            evicted = min(before)
            eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": evicted, "namespace": namespace}}
            admitted(cluster.client.call("POST", cluster.client.place("Pod", evicted, namespace, "eviction"), eviction))
            cluster.wait_for("another Pod in its place", lambda: len(pods() - {evicted}) == 3)
            cluster.old(autoscaler("web", namespace, 4, 5))
            cluster.wait_for("four replicas", lambda: cluster.client.get("Deployment", "web", namespace)["spec"]["replicas"] == 4)
            # The garbage collector removes the owner from ReplicaSets, and the Deployment waits for this.
            outcome = cluster.kubectl("delete", "deployment/orphaned", f"--namespace={namespace}", "--cascade=orphan", "--wait=false")
            assert outcome.code == 0, outcome
            cluster.wait_for("the Deployment is gone", lambda: cluster.client.get("Deployment", "orphaned", namespace).get("code") == 404)
            # With the conditions of docs/operations.md, KEDA and Argo Rollouts continue, and people are rejected.
            run_documented(cluster, "not-scaled-by-keda")
            person, *controllers = requests
            for name in controllers:
                cluster.wait_for(f"{name} goes on", lambda name=name: requests[name]().status == 200)
            answer = requests[person]()
            assert is_rejected(answer), answer
        finally:
            for replica in cluster.replicas:
                replica.start()
                replica.wait_until_ready()
    rejections = rejections_of(cluster, namespace, "generic-garbage-collector")
    assert not rejections, rejections
    assert len([each for each in cluster.client.items("ReplicaSet", namespace) if each["metadata"]["labels"]["app"] == "orphaned"]) == 1
    # Applying the overlay again keeps the added conditions.
    cluster.apply_all([each for each in cluster.rendered("production") if each["kind"] == "ValidatingWebhookConfiguration"])
    names = conditions(cluster)
    added = [name for name in names if name not in shipped]
    assert sorted(added) == ["not-from-argo-rollouts", "not-scaled-by-keda"], names
    removal = [{"op": "remove", "path": f"/webhooks/0/matchConditions/{names.index(name)}"} for name in reversed(added)]
    outcome = cluster.kubectl("patch", "validatingwebhookconfiguration", "playbook", "--type=json", f"--patch={json.dumps(removal)}")
    assert outcome.code == 0 and conditions(cluster) == shipped, outcome
    admitted(set_count(keda, namespace, 4))
    return f"rejected: {', '.join(requests)}"


def rejections_of(cluster, namespace, account):
    """The requests of a controller in a namespace that were rejected because no replica responded, by the audit log."""
    user = f"system:serviceaccount:kube-system:{account}"
    return [event for event in cluster.audit_events() if event["user"]["username"] == user
            and event["objectRef"].get("namespace") == namespace and event.get("responseStatus", {}).get("code", 0) >= 500]
