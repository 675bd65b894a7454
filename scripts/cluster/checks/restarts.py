"""Restarts under load: of replicas one by one, and of the API server."""

import http.client
import threading
import time

from checks import admitted, check, denied
from control_plane import CONTROL_PLANE
from objects import BROKEN, bad_deployment, deployment

CLIENTS = 8


@check
def replicas_restart_under_load_without_a_failed_call(cluster):
    """Two replicas behind one address. Workloads fail closed, so a lost call rejects a request."""
    namespace = cluster.namespace("load")
    cluster.guard(namespace)
    cluster.wait_for("the budget is known",
                     lambda: cluster.client.create(deployment("web", namespace), dry_run=True).status == 201)
    stopping, wrong, count = threading.Event(), [], [0] * CLIENTS

    def work(number):
        client = cluster.new_client()
        while not stopping.is_set():
            is_good = count[number] % 2 == 0
            value = (deployment if is_good else bad_deployment)("web", namespace)
            try:
                answer = client.create(value, dry_run=True)
                admitted(answer) if is_good else denied(answer, "liveness-probe", "image-tag", "host-isolation")
            except (AssertionError, OSError, http.client.HTTPException) as error:
                wrong.append(repr(error))
            count[number] += 1
        client.close()
    threads = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    codes = []
    for replica in cluster.replicas * 2:
        time.sleep(1)
        codes.append(replica.restart())
    time.sleep(1)
    stopping.set()
    for thread in threads:
        thread.join()
    assert not wrong, f"{len(wrong)} of {sum(count)}: {wrong[0]}"
    assert codes == [0] * 4, codes
    return f"{sum(count)} calls through 4 restarts"


@check
def the_API_server_starts_and_repairs_a_binding_that_was_changed(cluster):
    """At its start, the API server repairs its bindings through admission, and exits if this is denied."""
    drifted = cluster.client.get("ClusterRoleBinding", "system:basic-user")
    drifted["subjects"] = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "dana"}]
    admitted(cluster.client.replace(drifted, CONTROL_PLANE))
    cluster.stop_api_server()
    cluster.start_api_server()
    cluster.wait_for("the binding is repaired", lambda: "system:authenticated" in [
        subject["name"] for subject in cluster.client.get("ClusterRoleBinding", "system:basic-user")["subjects"]])


@check
def after_a_restart_of_the_API_server_decisions_are_the_same(cluster):
    namespace = cluster.namespace("restarted")
    cluster.settle()
    denied(cluster.client.create(bad_deployment("web", namespace)), *BROKEN)
    cluster.guard(namespace)
    admitted(cluster.client.create(deployment("web", namespace)))

    # The watches are open again: the deletion of a PodDisruptionBudget is noticed.
    cluster.client.delete("PodDisruptionBudget", "web", namespace)
    other = deployment("other", namespace, labels={"app": "web"})
    cluster.wait_for("the budget is known to be gone", lambda: any(
        "[pod-disruption-budget" in line for line in cluster.client.create(other, dry_run=True).warnings))


@check
def no_call_of_the_webhook_failed_during_the_run(cluster):
    """By the API server's log, except for the periods in which a check prevented calls."""
    failed, at = [], 0
    with open(cluster.log_path, "rb") as file:
        for line in file:
            if b"failed calling webhook" in line.lower() and not any(at in outage for outage in cluster.outages):
                failed.append(line.decode())
            at += len(line)
    assert not failed, f"{len(failed)}: {failed[0]}"
