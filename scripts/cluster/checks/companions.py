"""Rules that need other objects, against a watch that lags: budgets and workloads in both orders."""

import threading

from checks import admitted, check, denied, needs_judged_budgets, warned
from objects import budget, deployment

ROUNDS = 20


@check
def a_Deployment_right_after_its_budget_is_admitted(cluster):
    """Within milliseconds, before any watch can have told of the budget."""
    namespace = cluster.namespace("budget-first")
    for number in range(ROUNDS):
        name = f"web-{number}"
        admitted(cluster.client.create(budget(name, namespace)))
        admitted(cluster.client.create(deployment(name, namespace)))


@check
def a_Deployment_before_its_budget_is_denied_until_the_budget_is_there(cluster):
    namespace = cluster.namespace("budget-last")
    for number in range(ROUNDS):
        name = f"web-{number}"
        answer = denied(cluster.client.create(deployment(name, namespace)), "pod-disruption-budget")
        assert answer.rules == {"pod-disruption-budget"}, answer
        admitted(cluster.client.create(budget(name, namespace)))
        admitted(cluster.client.create(deployment(name, namespace)))


@check
def a_Deployment_beside_its_budget_is_admitted_or_asks_for_it(cluster):
    """Both at once: who comes first is open, and nothing else may be said."""
    namespace = cluster.namespace("budget-beside")
    answers = []
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
        answers.append(found[1].status)
        if found[1].status != 201:
            assert denied(found[1]).rules == {"pod-disruption-budget"}, found[1]
            # By now the budget is there, whatever any watch has told.
            admitted(cluster.client.create(made[1]))
    return f"{answers.count(201)} of {ROUNDS} Deployments came second"


@check
def with_a_grace_a_Deployment_may_come_before_its_budget(cluster):
    """The order of `kubectl apply -k` and Flux."""
    namespace = cluster.namespace("grace")
    with cluster.settings(PLAYBOOK_COMPANION_GRACE="5m"):
        warned(cluster.client.create(deployment("web", namespace)), "pod-disruption-budget")
        admitted(cluster.client.create(budget("web", namespace)))
    denied(cluster.client.create(deployment("other", namespace)), "pod-disruption-budget")


def guarded_namespace(cluster):
    """A namespace with a Deployment `web` of three replicas and its budget."""
    namespace = cluster.namespace("guarded")
    cluster.guard(namespace)
    assert cluster.client.create(deployment("web", namespace)).status in (201, 409)
    return namespace


@check
def a_budget_that_can_never_let_a_pod_go_is_denied(cluster):
    needs_judged_budgets(cluster)
    namespace = guarded_namespace(cluster)
    denied(cluster.client.create(budget("none", namespace, {"app": "other"}, maxUnavailable=0)), "disruption-allowed")
    # It would leave room with four replicas, and there are three.
    cluster.wait_for("the Deployment is known", lambda: cluster.client.patch(
        "PodDisruptionBudget", "web", namespace, {"spec": {"minAvailable": 3, "maxUnavailable": None}}).status == 403)
    admitted(cluster.client.patch("PodDisruptionBudget", "web", namespace, {"spec": {"minAvailable": 2, "maxUnavailable": None}}))


@check
def a_second_budget_over_the_same_pods_is_denied(cluster):
    needs_judged_budgets(cluster)
    denied(cluster.client.create(budget("second", guarded_namespace(cluster), {"app": "web"})), "disruption-allowed")


@check
def deleting_the_only_budget_of_a_workload_warns(cluster):
    needs_judged_budgets(cluster)
    outcome = cluster.kubectl("delete", "poddisruptionbudgets.v1.policy/web", f"--namespace={guarded_namespace(cluster)}")
    assert outcome.code == 0 and any(
        line.startswith("Warning: ") and "[pod-disruption-budget" in line for line in outcome.err.splitlines()), outcome
