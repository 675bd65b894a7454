"""The requests of Argo CD, Flux and `kubectl apply` in their orders: all objects are applied at the default settings."""

import json
import os
import time

from checks import admitted, check, denied, needs_evaluated_budgets, warned
from checks.counts import autoscaler
from objects import IMAGE, bad_deployment, budget, container, definition, deployment

ROUNDS = 15
EXEMPT = "playbook.superinc.com/exempt"


def application(namespace):
    """In the order of kustomize and Flux: what depends on others first."""
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": namespace},
               "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}}
    return [service, deployment("web", namespace), autoscaler("web", namespace, 3, 9), budget("web", namespace)]


def exempt_namespace(name):
    annotations = {EXEMPT: "*", f"{EXEMPT}-reason": "of another team", f"{EXEMPT}-until": "2099-01-31"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "annotations": annotations}}


@check
def Flux_applies_all_objects_in_its_order_without_errors(cluster):
    """A dry run of everything, then one object after the other."""
    needs_evaluated_budgets(cluster)
    namespace = cluster.namespace("flux")
    for value in application(namespace):
        path = cluster.client.place(value["kind"], value["metadata"]["name"], namespace)
        admitted(cluster.client.call("PATCH", f"{path}?dryRun=All&fieldManager=kustomize-controller&force=true", value,
                                     content="application/apply-patch+yaml"))
    for value in application(namespace) + application(namespace):
        admitted(cluster.client.apply(value, "kustomize-controller"))


@check
def kubectl_applies_a_directory_and_a_kustomization(cluster):
    needs_evaluated_budgets(cluster)
    for how in ("-f", "-k"):
        namespace = cluster.namespace(f"applied{how}")
        directory = f"{cluster.folder}/{namespace}"
        os.makedirs(directory)
        for number, value in enumerate(application(namespace)):
            with open(f"{directory}/{number}.yaml", "w") as file:
                json.dump(value, file)
        if how == "-k":
            with open(f"{directory}/kustomization.yaml", "w") as file:
                json.dump({"resources": sorted(name for name in os.listdir(directory) if name[0].isdigit())}, file)
        for options in (["--dry-run=server"], ["--server-side", "--dry-run=server"], [], []):
            outcome = cluster.kubectl("apply", how, directory, *options)
            assert outcome.code == 0, f"{how} {options}: {outcome}"


@check
def an_exempt_Namespace_and_its_workload_are_applied_together(cluster):
    for options in ([], ["--server-side"]):
        for number in range(ROUNDS):
            name = f"exempt-apply-{len(options)}-{number}"
            outcome = cluster.kubectl("apply", "--filename=-", "--validate=false", *options,
                                      stdin=[exempt_namespace(name), bad_deployment("web", name)])
            assert outcome.code == 0, f"{name}: {outcome}"


@check
def a_workload_without_its_PodDisruptionBudget_is_denied_after_the_grace_period(cluster):
    namespace = cluster.namespace("grace")
    with cluster.settings(PLAYBOOK_COMPANION_GRACE="2s"):
        warned(cluster.client.create(deployment("web", namespace)), "pod-disruption-budget")
        time.sleep(3)
        change = {"spec": {"template": {"metadata": {"annotations": {"release": "2"}}}}}
        denied(cluster.client.patch("Deployment", "web", namespace, change), "pod-disruption-budget")
        value = deployment("web", namespace)
        container(value)["image"] = IMAGE.replace("1.4.2", "1.4.3")
        denied(cluster.client.replace(value), "pod-disruption-budget")
        admitted(cluster.client.create(budget("web", namespace)))
        admitted(cluster.client.replace(value))


@check
def a_kind_that_is_installed_later_is_evaluated_within_a_second(cluster):
    """An admin route behind a middleware, whose effect is unknown until Middlewares are served."""
    for plural, kind in (("ingressroutes", "IngressRoute"), ("middlewares", "Middleware")):
        namespace = cluster.namespace("late-kinds")
        route = {"apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute", "metadata": {"name": "web", "namespace": namespace}, "spec": {
            "entryPoints": ["websecure"], "routes": [{
                "match": "Host(`shop.example.com`) && PathPrefix(`/admin`)", "kind": "Rule", "middlewares": [{"name": "login"}],
                "services": [{"name": "web", "port": 80}]}]}}
        if kind == "Middleware":
            answer = admitted(cluster.client.create(route, dry_run=True))
        admitted(cluster.client.create(definition("traefik.io", "v1alpha1", plural, kind, "Namespaced")))
        cluster.wait_for(f"{plural} are served", lambda plural=plural: cluster.resource("/apis/traefik.io/v1alpha1", plural))
    # No Middleware "login" is there.
    started = time.monotonic()

    def is_noticed():
        found = cluster.client.create(route, dry_run=True)
        return "admin-authentication" in found.rules or any("[admin-authentication" in line for line in found.warnings)
    assert not any("[admin-authentication" in line for line in answer.warnings), answer
    cluster.wait_for("the missing Middleware is noticed", is_noticed)
    taken = time.monotonic() - started
    assert taken < 1, taken
    return f"after {taken:.1f} s"
