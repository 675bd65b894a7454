"""Objects for checks, and functions that make them violate rules."""

IMAGE = "222222222222.dkr.ecr.eu-west-1.amazonaws.com/shop/web:1.4.2-9f3c1ab"


def deployment(name, namespace, replicas=3, labels=None):
    """A Deployment that violates no rule with level `deny` if a PodDisruptionBudget selects it."""
    labels = labels or {"app": name}
    probe = {"httpGet": {"path": "/livez", "port": "http"}}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": namespace, "annotations": {}},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": {
            "terminationGracePeriodSeconds": 30,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "runAsGroup": 10001},
            "topologySpreadConstraints": [{
                "maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": labels}}],
            "containers": [{
                "name": "app", "image": IMAGE, "ports": [{"name": "http", "containerPort": 8080}],
                "resources": {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"memory": "256Mi"}},
                "livenessProbe": probe, "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}}}]}}}}


def bad_deployment(name, namespace):
    """One that violates `liveness-probe`, `image-tag` and `host-isolation`."""
    value = deployment(name, namespace)
    container(value)["image"] = IMAGE.split(":")[0] + ":latest"
    del container(value)["livenessProbe"]
    pod(value)["hostNetwork"] = True
    container(value)["ports"][0]["hostPort"] = 8080
    return value


BROKEN = {"liveness-probe", "image-tag", "host-isolation"}


def as_kind(kind, deployment):
    """The same workload as another kind."""
    spec = dict(deployment["spec"])
    if kind == "DaemonSet":
        del spec["replicas"]
    if kind == "StatefulSet":
        spec["serviceName"] = deployment["metadata"]["name"]
    return deployment | {"kind": kind, "spec": spec}


def bad_job(name, namespace, **spec):
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": namespace}, "spec": spec | {
        "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "job", "image": "busybox"}]}}}}


def bad_pod(name, namespace, **metadata):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace} | metadata,
            "spec": {"containers": [{"name": "app", "image": "busybox", "command": ["sleep", "3600"]}]}}


def budget(name, namespace, labels=None, **spec):
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name, "namespace": namespace},
            "spec": {"unhealthyPodEvictionPolicy": "AlwaysAllow", "selector": {"matchLabels": labels or {"app": name}}}
            | (spec or {"maxUnavailable": 1})}


def definition(group, version, plural, kind, scope, subresources=None):
    """A custom resource without a schema: the API server stores and sends what is written."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {
            # API groups under k8s.io need this annotation.
            "name": f"{plural}.{group}", "annotations": {"api-approved.kubernetes.io": "unapproved, for checks"}},
        "spec": {"group": group, "scope": scope, "names": {"plural": plural, "singular": kind.lower(), "kind": kind},
                 "versions": [{"name": version, "served": True, "storage": True, "subresources": subresources or {}, "schema": {
                     "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}}]}}


def pod(workload):
    return workload["spec"]["template"]["spec"]


def container(workload):
    return pod(workload)["containers"][0]

