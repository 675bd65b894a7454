"""Rules that need related objects while a watch lags: PodDisruptionBudgets and workloads in both orders."""

import threading

from checks import admitted, check, denied, needs_evaluated_budgets, warned
from objects import budget, deployment

ROUNDS = 20


def misses_its_budget(answer):
    return any("[pod-disruption-budget" in line for line in admitted(answer).warnings)


@check
def a_Deployment_can_be_created_before_its_PodDisruptionBudget(cluster):
    """The order of `kubectl apply -k` and Flux, at the default grace period."""
    namespace = cluster.namespace("budget-last")
    for number in range(ROUNDS):
        name = f"web-{number}"
        warned(cluster.client.create(deployment(name, namespace)), "pod-disruption-budget")
        admitted(cluster.client.create(budget(name, namespace)))
        cluster.wait_for("the budget is known", lambda name=name: not misses_its_budget(
            cluster.client.patch("Deployment", name, namespace, {"spec": {"replicas": 4}})))


@check
def without_a_grace_period_the_PodDisruptionBudget_must_exist_first(cluster):
    """The Deployment follows within milliseconds, before a watch has reported it; a server-side dry run needs no PodDisruptionBudget."""
    namespace = cluster.namespace("no-grace")
    with cluster.settings(PLAYBOOK_COMPANION_GRACE="0s"):
        for number in range(ROUNDS):
            name = f"web-{number}"
            warned(cluster.client.create(deployment(name, namespace), dry_run=True), "pod-disruption-budget")
            answer = denied(cluster.client.create(deployment(name, namespace)), "pod-disruption-budget")
            assert answer.rules == {"pod-disruption-budget"}, answer
            admitted(cluster.client.create(budget(name, namespace)))
            admitted(cluster.client.create(deployment(name, namespace)))


@check
def a_Deployment_created_together_with_its_PodDisruptionBudget_is_admitted(cluster):
    """Both at the same time, in any order: the only finding is the missing PodDisruptionBudget."""
    namespace = cluster.namespace("budget-beside")
    count = 0
    for number in range(ROUNDS):
        name, clients = f"web-{number}", [cluster.new_client(), cluster.new_client()]
        made = [budget(name, namespace), deployment(name, namespace)]
        found = [None, None]

        def create(index, found=found, clients=clients, made=made):
            found[index] = clients[index].create(made[index])
        threads = [threading.Thread(target=create, args=(index,)) for index in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for client in clients:
            client.close()
        admitted(found[0])
        count += not misses_its_budget(found[1])
    return f"{count} of {ROUNDS} Deployments came second"


def guarded_namespace(cluster, name):
    """A namespace with a Deployment `web` of three replicas and its budget."""
    namespace = cluster.namespace(name)
    cluster.guard(namespace)
    admitted(cluster.client.create(deployment("web", namespace)))
    return namespace


@check
def a_PodDisruptionBudget_that_never_allows_a_disruption_is_denied(cluster):
    """Also directly after its Deployment, before a watch has reported the Deployment."""
    needs_evaluated_budgets(cluster)
    namespace = guarded_namespace(cluster, "guarded")
    denied(cluster.client.create(budget("none", namespace, {"app": "other"}, maxUnavailable=0)), "disruption-allowed")
    for number in range(ROUNDS):
        name = f"web-{number}"
        admitted(cluster.client.create(budget(name, namespace)))
        admitted(cluster.client.create(deployment(name, namespace)))
        # It would allow a disruption of four replicas, and there are three.
        change = {"spec": {"minAvailable": 3, "maxUnavailable": None}}
        denied(cluster.client.patch("PodDisruptionBudget", name, namespace, change), "disruption-allowed")
        admitted(cluster.client.create(deployment(f"late-{number}", namespace)))
        denied(cluster.client.create(budget(f"late-{number}", namespace, minAvailable=3)), "disruption-allowed")
    admitted(cluster.client.patch("PodDisruptionBudget", "web", namespace, {"spec": {"minAvailable": 2, "maxUnavailable": None}}))


@check
def a_second_PodDisruptionBudget_for_the_same_pods_is_denied(cluster):
    needs_evaluated_budgets(cluster)
    denied(cluster.client.create(budget("second", guarded_namespace(cluster, "guarded-twice"), {"app": "web"})), "disruption-allowed")


@check
def deleting_the_only_PodDisruptionBudget_of_a_workload_warns(cluster):
    needs_evaluated_budgets(cluster)
    namespace = guarded_namespace(cluster, "guarded-no-longer")
    outcome = cluster.kubectl("delete", "poddisruptionbudgets.v1.policy/web", f"--namespace={namespace}")
    assert outcome.code == 0 and any(
        line.startswith("Warning: ") and "[pod-disruption-budget" in line for line in outcome.err.splitlines()), outcome
