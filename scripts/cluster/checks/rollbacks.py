"""Roll-backs with the real controllers to workloads from before the webhook, and requests that only resemble one."""

import copy
import json
import os

from checks import admitted, check, denied, is_named, needs_controllers, warned
from control_plane import CONTROL_PLANE
from objects import IMAGE, as_kind, bad_deployment, budget, container, deployment, pod

# The kinds with revisions, and the kind of their revisions.
HOLDERS = {"Deployment": "ReplicaSet", "StatefulSet": "ControllerRevision", "DaemonSet": "ControllerRevision"}
TOOL = ["--server-side", "--force-conflicts", "--field-manager=argocd-controller"]
ADMIN = ("dana", "developers")


def apply(cluster, value, *options, user=None):
    return cluster.kubectl("apply", "--filename=-", "--validate=false", *options, stdin=value, user=user)


def replace(cluster, value):
    """Repeats a write if a controller has changed the object in the meantime."""
    while True:
        outcome = cluster.kubectl("replace", "--filename=-", "--validate=false", stdin=value)
        if "(Conflict)" not in outcome.err:
            return outcome


def revisions(cluster, value):
    """The revisions of a workload."""
    namespace = value["metadata"]["namespace"]
    uid = cluster.client.get(value["kind"], value["metadata"]["name"], namespace)["metadata"]["uid"]
    return [each for each in cluster.client.items(HOLDERS[value["kind"]], namespace)
            if any(owner["uid"] == uid for owner in each["metadata"].get("ownerReferences", []))]


def existed(cluster, value, *options):
    """Creates a workload from before the webhook, and waits for its first revision."""
    outcome = apply(cluster, value, *options, user=CONTROL_PLANE)
    assert outcome.code == 0, outcome
    cluster.wait_for("its first revision", lambda: len(revisions(cluster, value)) == 1)
    return value


def moved_on(cluster, kind, namespace, *options):
    """Creates a workload from before the webhook, updates it to a good template, and returns the original."""
    before = existed(cluster, as_kind(kind, bad_deployment("web", namespace)), *options)
    cluster.guard(namespace)
    outcome = apply(cluster, as_kind(kind, deployment("web", namespace)), *options)
    assert outcome.code == 0, outcome
    cluster.wait_for("its second revision", lambda: len(revisions(cluster, before)) == 2)
    return before


def is_back(cluster, value, what, outcome):
    assert outcome.code == 0, f"{what}: {outcome}"
    assert "existing in revision " in outcome.err, f"{what}: {outcome}"
    stored = cluster.client.get(value["kind"], value["metadata"]["name"], value["metadata"]["namespace"])
    assert "livenessProbe" not in container(stored), f"{what}: {container(stored)}"


@check
def a_workload_rolls_back_to_a_revision_from_before_the_webhook(cluster):
    """With `kubectl rollout undo`, and by applying the earlier manifest, each after an update to a good template."""
    needs_controllers(cluster)
    ways = {
        "undo": lambda before: cluster.kubectl(
            "rollout", "undo", f"{before['kind']}/web", f"--namespace={before['metadata']['namespace']}"),
        "apply": lambda before: apply(cluster, before),
        "argo-cd": lambda before: apply(cluster, before, *TOOL),
        "replace": lambda before: replace(cluster, before),
    }
    for kind in HOLDERS:
        for name, way in ways.items():
            before = moved_on(cluster, kind, cluster.namespace(f"rollback-{kind.lower()}-{name}"), *(TOOL if name == "argo-cd" else []))
            is_back(cluster, before, f"{kind} by {name}", way(before))


@check
def a_roll_back_does_not_lower_the_number_of_replicas(cluster):
    """One update changed the template and raised the number of replicas; the previous number is not recorded (docs/e2e.md)."""
    needs_controllers(cluster)
    namespace = cluster.namespace("rollback-count")
    before = bad_deployment("web", namespace)
    before["spec"]["replicas"] = 1
    existed(cluster, before)
    cluster.guard(namespace)

    def move_on():
        outcome = apply(cluster, deployment("web", namespace))
        assert outcome.code == 0, outcome
        cluster.wait_for("every revision has the current number of replicas", lambda: len(revisions(cluster, before)) > 1 and all(
            each["metadata"]["annotations"]["deployment.kubernetes.io/desired-replicas"] == "3" for each in revisions(cluster, before)))
    move_on()
    answer = cluster.client.replace(before)
    assert answer.status == 403 and set(answer.rules) == {"replicas"} and "had 3 replicas" in answer.message, answer
    # The template alone can be rolled back; with level warn on the Namespace, the number of replicas too.
    undo = cluster.kubectl("rollout", "undo", "deployment/web", f"--namespace={namespace}")
    is_back(cluster, before, "undo", undo)
    move_on()
    level = {"metadata": {"annotations": {"playbook.superinc.com/level": "warn"}}}
    admitted(cluster.client.patch("Namespace", namespace, None, level))
    outcome = apply(cluster, before)
    stored = cluster.client.get("Deployment", "web", namespace)
    assert outcome.code == 0 and stored["spec"]["replicas"] == 1 and "livenessProbe" not in container(stored), outcome


@check
def a_workload_rolls_back_without_its_PodDisruptionBudget(cluster):
    """A single replica, a deleted PodDisruptionBudget, and a template that additive fixes have completed."""
    needs_controllers(cluster)
    namespace = cluster.namespace("rollback-worse")
    before = bad_deployment("web", namespace)
    before["spec"]["replicas"] = 1
    del pod(before)["topologySpreadConstraints"], pod(before)["securityContext"]
    existed(cluster, before)
    cluster.guard(namespace)
    good = deployment("web", namespace, replicas=1)
    del pod(good)["topologySpreadConstraints"]
    outcome = apply(cluster, good)
    assert outcome.code == 0, outcome
    cluster.wait_for("its second revision", lambda: len(revisions(cluster, before)) == 2)
    admitted(cluster.client.delete("PodDisruptionBudget", "web", namespace))
    is_back(cluster, before, "one replica", apply(cluster, before))


@check
def a_Rollout_rolls_back_to_a_ReplicaSet_of_its_controller(cluster):
    """Argo Rollouts does not run here: the check creates ReplicaSets as its controller does."""
    needs_controllers(cluster)
    namespace = cluster.namespace("rollback-rollout")
    cluster.guard(namespace)

    def rollout(deployment):
        return deployment | {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"}
    stored = cluster.old(rollout(deployment("web", namespace)))
    before = bad_deployment("web", namespace)["spec"]["template"]
    past = forged("ReplicaSet", namespace, before, stored["metadata"]["uid"])
    past["metadata"]["ownerReferences"][0] |= {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"}
    past["metadata"]["annotations"] = {"rollout.argoproj.io/revision": "1"}
    cluster.old(past)
    change = {"spec": {"template": {"spec": before["spec"]}}}
    warned(cluster.client.patch("Rollout", "web", namespace, change), "liveness-probe", "host-isolation")


def variants(before):
    """Templates that resemble the earlier one; each has a new violation."""
    for name, change in {
        "another image": lambda value: container(value).update(image="docker.io/evil/miner:latest"),
        "a privilege": lambda value: container(value).update(securityContext={"privileged": True}),
        "one more namespace of the node": lambda value: pod(value).update(hostPID=True),
        "one more container": lambda value: pod(value)["containers"].append(
            {"name": "more", "image": "docker.io/evil/miner:latest"}),
        "a command with a secret": lambda value: container(value).update(
            env=[{"name": "DB_PASSWORD", "value": "hunter2-hunter2"}]),
    }.items():
        value = copy.deepcopy(before)
        change(value)
        yield name, value


@check
def a_template_that_only_resembles_a_revision_is_denied(cluster):
    needs_controllers(cluster)
    for kind in HOLDERS:
        before = moved_on(cluster, kind, cluster.namespace(f"lookalike-{kind.lower()}"))
        for name, value in variants(before):
            # All its violations are denied: a different template is new as a whole.
            answer = cluster.client.replace(value)
            assert answer.status == 403 and "liveness-probe" in answer.rules, f"{kind}, {name}: {answer}"


@check
def a_revision_of_another_workload_is_not_a_past_state(cluster):
    needs_controllers(cluster)
    namespace = cluster.namespace("rollback-other")
    moved_on(cluster, "Deployment", namespace)
    cluster.guard(namespace, "other")
    admitted(cluster.client.create(deployment("other", namespace)))
    value = bad_deployment("web", namespace)
    value["metadata"]["name"] = "other"
    value["spec"]["selector"]["matchLabels"] = value["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    denied(cluster.client.replace(value), "liveness-probe", "host-isolation")


def forged(holder, namespace, template, uid, **annotations):
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": uid, "controller": True}
    metadata = {"name": "web-forged", "namespace": namespace, "labels": {"app": "web"}, "ownerReferences": [owner],
                "annotations": {"deployment.kubernetes.io/revision": "1"} | annotations}
    if holder == "ControllerRevision":
        data = {"spec": {"template": {"$patch": "replace"} | template}}
        return {"apiVersion": "apps/v1", "kind": holder, "metadata": metadata, "revision": 1, "data": data}
    return {"apiVersion": "apps/v1", "kind": holder, "metadata": metadata, "spec": {
        "replicas": 0, "selector": {"matchLabels": {"app": "web"}}, "template": template}}


def permit(cluster, namespace, user, role="admin"):
    kind, name = ("ServiceAccount", user.split(":")[-1]) if user.startswith("system:serviceaccount:") else ("User", user)
    subject = {"kind": kind, "name": name} | (
        {"namespace": user.split(":")[2]} if kind == "ServiceAccount" else {"apiGroup": "rbac.authorization.k8s.io"})
    binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
               "metadata": {"name": f"{name}-{role}", "namespace": namespace}, "subjects": [subject],
               "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}}
    assert cluster.client.create(binding, CONTROL_PLANE).status in (201, 409)


@check
def a_forged_revision_is_ignored(cluster):
    """The admin of a namespace can create ReplicaSets with any owner; their templates are evaluated, and an exempt template is not a past state."""
    needs_controllers(cluster)
    namespace = cluster.namespace("rollback-forged")
    cluster.guard(namespace)
    permit(cluster, namespace, ADMIN[0])
    admitted(cluster.client.create(deployment("web", namespace)))
    uid = cluster.client.get("Deployment", "web", namespace)["metadata"]["uid"]
    bad = bad_deployment("web", namespace)["spec"]["template"]
    denied(cluster.client.create(forged("ReplicaSet", namespace, bad, uid), ADMIN), "host-isolation", "liveness-probe")
    answer = cluster.client.create(forged("ControllerRevision", namespace, bad, uid), ADMIN)
    assert answer.status == 403 and "cannot create resource" in answer.message, answer
    # Rules that allow exemptions are exempt once.
    probeless = deployment("web", namespace)
    del container(probeless)["livenessProbe"]
    key = "playbook.superinc.com/exempt"
    exempt = {key: "liveness-probe, controller-managed", f"{key}-reason": "a test"}
    admitted(cluster.client.create(forged("ReplicaSet", namespace, probeless["spec"]["template"], uid, **exempt), ADMIN))
    denied(cluster.client.replace(probeless), "liveness-probe")


def chart(cluster):
    """A chart with the objects of its values."""
    directory = f"{cluster.folder}/chart"
    if not os.path.exists(directory):
        os.makedirs(f"{directory}/templates")
        with open(f"{directory}/Chart.yaml", "w") as file:
            file.write("apiVersion: v2\nname: objects\nversion: 1.0.0\n")
        with open(f"{directory}/templates/objects.yaml", "w") as file:
            file.write("{{ range .Values.objects }}\n---\n{{ toJson . }}\n{{ end }}\n")
    return directory


def release(cluster, command, objects, *options, user="admin"):
    path = f"{cluster.folder}/values.json"
    with open(path, "w") as file:
        json.dump({"objects": objects}, file)
    namespace = objects[0]["metadata"]["namespace"]
    return cluster.helm(command, "shop", chart(cluster), f"--namespace={namespace}", f"--values={path}", *options, user=user)


@check
def Helm_rolls_back_a_release(cluster):
    """A release from before the webhook that was upgraded, then rolled back by hand, and by an upgrade that fails half way."""
    needs_controllers(cluster)
    namespace = cluster.namespace("helm")
    budgets = [budget(name, namespace) for name in ("web", "worker")]
    old = [*budgets, bad_deployment("web", namespace), deployment("worker", namespace)]
    new = [*budgets, deployment("web", namespace), deployment("worker", namespace)]
    outcome = release(cluster, "install", old, user="control-plane")
    assert outcome.code == 0, outcome
    cluster.wait_for("its first revision", lambda: len(revisions(cluster, old[2])) == 1)
    outcome = release(cluster, "upgrade", new)
    assert outcome.code == 0, outcome

    def is_old():
        return "livenessProbe" not in container(cluster.client.get("Deployment", "web", namespace))
    assert not is_old()
    outcome = cluster.helm("rollback", "shop", "1", f"--namespace={namespace}")
    assert outcome.code == 0 and is_old(), outcome
    # The first Deployment is updated, the second is denied, and Helm rolls back all of them.
    worse = copy.deepcopy(new)
    container(worse[3])["image"] = IMAGE.split(":")[0] + ":latest"
    outcome = release(cluster, "upgrade", worse, "--atomic")
    assert outcome.code == 1 and is_named("image-tag", outcome.out), outcome
    assert is_old(), outcome
    assert container(cluster.client.get("Deployment", "worker", namespace))["image"] == IMAGE


@check
def an_existing_Deployment_can_be_replaced_and_recreated(cluster):
    """`replace` is an update; `replace --force` deletes, and the creation is denied unless the Namespace has level warn."""
    namespace = cluster.namespace("force")
    before = cluster.old(bad_deployment("web", namespace)) and bad_deployment("web", namespace)
    outcome = cluster.kubectl("replace", "--filename=-", "--validate=false", stdin=before)
    assert outcome.code == 0, outcome
    outcome = cluster.kubectl("replace", "--force", "--filename=-", "--validate=false", stdin=before)
    assert outcome.code == 1 and is_named("liveness-probe", outcome.err), outcome
    level = {"metadata": {"annotations": {"playbook.superinc.com/level": "warn"}}}
    admitted(cluster.client.patch("Namespace", namespace, None, level))
    outcome = cluster.kubectl("create", "--filename=-", "--validate=false", stdin=before)
    assert outcome.code == 0 and "[liveness-probe" in outcome.err, outcome
    outcome = cluster.kubectl("replace", "--force", "--filename=-", "--validate=false", stdin=before)
    assert outcome.code == 0 and "[liveness-probe" in outcome.err, outcome


@check
def a_workload_is_recreated_and_adopts_the_pods_that_it_orphaned(cluster):
    """A StatefulSet by its revisions; a Deployment if its Namespace has level warn."""
    needs_controllers(cluster)
    for kind in ("StatefulSet", "Deployment"):
        namespace = cluster.namespace(f"orphan-{kind.lower()}")
        before = existed(cluster, as_kind(kind, bad_deployment("web", namespace)))
        names = {each["metadata"]["name"] for each in revisions(cluster, before)}
        outcome = cluster.kubectl("delete", f"{kind}/web", f"--namespace={namespace}", "--cascade=orphan")
        assert outcome.code == 0, outcome
        cluster.wait_for("its revisions have no owner", lambda namespace=namespace, kind=kind: not any(
            each["metadata"].get("ownerReferences") for each in cluster.client.items(HOLDERS[kind], namespace)))
        if kind == "StatefulSet":
            worse = copy.deepcopy(before)
            pod(worse)["hostPID"] = True
            denied(cluster.client.create(worse, dry_run=True), "host-isolation", "liveness-probe")
        else:
            denied(cluster.client.create(before, dry_run=True), "host-isolation", "liveness-probe")
            level = {"metadata": {"annotations": {"playbook.superinc.com/level": "warn"}}}
            admitted(cluster.client.patch("Namespace", namespace, None, level))
        warned(cluster.client.create(before), "host-isolation", "liveness-probe")
        cluster.wait_for("its revisions are adopted", lambda before=before, names=names: names == {
            each["metadata"]["name"] for each in revisions(cluster, before)})


@check
def a_Job_is_created_by_hand_from_an_existing_CronJob(cluster):
    needs_controllers(cluster)
    namespace = cluster.namespace("cronjob")
    template = {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "job", "image": "busybox"}]}}}}
    cluster.old({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "nightly", "namespace": namespace},
                 "spec": {"schedule": "0 3 * * *", "jobTemplate": template}})
    outcome = cluster.kubectl("create", "job", "by-hand", "--from=cronjob/nightly", f"--namespace={namespace}")
    assert outcome.code == 0 and "existing in CronJob nightly]" in outcome.err, outcome
    other = cluster.kubectl("create", "job", "other", "--image=busybox", f"--namespace={namespace}")
    assert other.code == 1 and is_named("run-as-non-root", other.err), other
