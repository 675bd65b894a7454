"""Pods that are recreated after a drain: objects that an operator's service account creates with the token of its pod, and forged claims."""

from checks import admitted, check, denied, needs_controllers, warned
from checks.rollbacks import ADMIN, permit
from control_plane import CONTROL_PLANE
from objects import as_kind, bad_pod, container, definition, deployment

POD_UID = "authentication.kubernetes.io/pod-uid"
# The rights of CloudNativePG: https://github.com/cloudnative-pg/cloudnative-pg, config/rbac/role.yaml.
OPERATOR_RULES = [
    {"apiGroups": [""], "resources": ["pods", "services", "persistentvolumeclaims"], "verbs": ["create", "get", "list", "patch", "update"]},
    {"apiGroups": ["policy"], "resources": ["poddisruptionbudgets"], "verbs": ["create", "get", "list", "patch", "update"]},
    {"apiGroups": ["postgresql.cnpg.io"], "resources": ["clusters"], "verbs": ["get", "list", "watch", "update", "patch"]},
    {"apiGroups": ["postgresql.cnpg.io"], "resources": ["clusters/status"], "verbs": ["get", "update", "patch"]},
]


def owner(kind, name, uid, version, **more):
    return {"apiVersion": version, "kind": kind, "name": name, "uid": uid, "controller": True} | more


def database_pod(namespace, *owners, name="db-1", **container):
    value = bad_pod(name, namespace, labels={"cnpg.io/cluster": "db"})
    value["spec"]["containers"][0] |= {"image": "ghcr.io/cloudnative-pg/postgresql:17.5"} | container
    if owners:
        value["metadata"]["ownerReferences"] = list(owners)
    return value


class Account:
    """A service account, a pod that runs as it, and tokens."""

    def __init__(self, cluster, namespace, name):
        self.cluster, self.namespace, self.name = cluster, namespace, name
        self.user = f"system:serviceaccount:{namespace}:{name}"
        cluster.namespace(namespace)
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}}
        assert cluster.client.create(account, CONTROL_PLANE).status in (201, 409)
        value = bad_pod(f"{name}-0", namespace)
        value["spec"]["serviceAccountName"] = name
        answer = cluster.client.create(value, CONTROL_PLANE)
        assert answer.status in (201, 409), answer
        self.pod = cluster.client.get("Pod", f"{name}-0", namespace)

    def client(self, is_bound=True):
        """A connection with the token of a client in the pod, or with an exported token."""
        bound = {"boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": self.pod["metadata"]["name"],
                                    "uid": self.pod["metadata"]["uid"]}} if is_bound else {}
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600} | bound}
        path = self.cluster.client.place("ServiceAccount", self.name, self.namespace, "token")
        answer = admitted(self.cluster.client.call("POST", path, request, CONTROL_PLANE))
        return self.cluster.client_of(answer.body["status"]["token"])

    def may(self, role, *rules):
        """Binds a ClusterRole to it in all namespaces."""
        if rules:
            value = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": role}, "rules": list(rules)}
            assert self.cluster.client.create(value, CONTROL_PLANE).status in (201, 409)
        binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": f"{self.name}-{role}"},
                   "subjects": [{"kind": "ServiceAccount", "name": self.name, "namespace": self.namespace}],
                   "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}}
        assert self.cluster.client.create(binding, CONTROL_PLANE).status in (201, 409)
        return self


def postgres(cluster):
    """A namespace with a Cluster of CloudNativePG, its owner reference, and its operator."""
    crd = definition("postgresql.cnpg.io", "v1", "clusters", "Cluster", "Namespaced", {"status": {}})
    assert cluster.client.create(crd, CONTROL_PLANE).status in (201, 409)
    cluster.wait_for("clusters are served", lambda: cluster.resource("/apis/postgresql.cnpg.io/v1", "clusters/status"))
    namespace = cluster.namespace("databases")
    value = {"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "metadata": {"name": "db", "namespace": namespace},
             "spec": {"instances": 2}}
    assert cluster.client.create(value).status in (201, 409)
    uid = cluster.client.get("Cluster", "db", namespace)["metadata"]["uid"]
    operator = Account(cluster, "postgres-operators", "cnpg-manager").may("cnpg-manager", *OPERATOR_RULES)
    return namespace, owner("Cluster", "db", uid, "postgresql.cnpg.io/v1"), operator


@check
def a_Pod_of_an_operator_is_recreated_after_a_drain(cluster):
    needs_controllers(cluster)
    namespace, cluster_owner, operator = postgres(cluster)
    client = operator.client()
    for _ in range(2):
        warned(client.create(database_pod(namespace, cluster_owner), manager="cloudnative-pg"), "image-registry")
        # As an eviction does.
        admitted(cluster.client.call("DELETE", cluster.client.place("Pod", "db-1", namespace), {"gracePeriodSeconds": 0}))
    # And its PodDisruptionBudget, which allows no eviction of a single primary.
    blocking = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
                "metadata": {"name": "db-primary", "namespace": namespace, "ownerReferences": [cluster_owner]},
                "spec": {"minAvailable": 1, "maxUnavailable": None, "selector": {"matchLabels": {"cnpg.io/cluster": "db"}}}}
    admitted(client.create(blocking))
    # An operator of databases needs no access to the node.
    denied(client.create(database_pod(namespace, cluster_owner, securityContext={"privileged": True})), "privilege-escalation")


@check
def a_forged_owner_reference_is_ignored(cluster):
    needs_controllers(cluster)
    namespace, real, operator = postgres(cluster)
    permit(cluster, namespace, ADMIN[0])
    # The admin of a namespace creates an account and a pod, and grants the account all rights of the admin.
    own = Account(cluster, namespace, "tenant")
    permit(cluster, namespace, own.user)
    # A deployer has all permissions, also in a pod.
    pipeline = Account(cluster, "ci", "pipeline").may("cluster-admin")
    tenant, exported = own.client(), operator.client(is_bound=False)
    config_map = cluster.wait_for("the root certificate", lambda: cluster.client.get("ConfigMap", "kube-root-ca.crt", namespace).get("metadata"))
    admin = cluster.client
    made_up = owner("Database", "db", real["uid"], "example.com/v1")
    believed_kinds = owner("ConfigMap", "kube-root-ca.crt", config_map["uid"], "v1")
    replica_set = owner("ReplicaSet", "web", real["uid"], "apps/v1")
    forgeries = {
        "a person, the real owner": lambda: admin.create(database_pod(namespace, real)),
        "a namespace's admin, the real owner": lambda: admin.create(database_pod(namespace, real), ADMIN),
        "a namespace's own account, the real owner": lambda: tenant.create(database_pod(namespace, real)),
        "an account of the namespace, an owner of a kind that is not served": lambda: tenant.create(database_pod(namespace, made_up)),
        "a namespace's own account, kube-root-ca.crt": lambda: tenant.create(database_pod(namespace, believed_kinds)),
        "a namespace's own account, a ReplicaSet": lambda: tenant.create(database_pod(namespace, replica_set)),
        "a namespace's own account, the operator's field manager": lambda: tenant.create(
            database_pod(namespace, real), manager="cloudnative-pg"),
        "a namespace's own account, a second owner": lambda: tenant.create(
            database_pod(namespace, believed_kinds, real | {"controller": False})),
        "a pipeline, a field manager of its choice": lambda: pipeline.client().create(
            database_pod(namespace, real), manager="cloudnative-pg"),
        "a pipeline's exported token": lambda: pipeline.client(is_bound=False).create(
            database_pod(namespace, real), manager="cloudnative-pg"),
        "the operator's token, exported": lambda: exported.create(database_pod(namespace, real)),
        "the operator, impersonated": lambda: admin.create(database_pod(namespace, real), operator.user),
        "the operator, kube-root-ca.crt": lambda: operator.client().create(database_pod(namespace, believed_kinds)),
        "the operator, as kubectl": lambda: operator.client().create(database_pod(namespace, real), manager="kubectl-create"),
        "the operator, no owner": lambda: operator.client().create(database_pod(namespace)),
    }
    wrong = {}
    for number, (name, send) in enumerate(forgeries.items()):
        answer = send()
        if answer.status != 403 or "denied the request" not in answer.message:
            wrong[name] = str(answer)
            cluster.client.call("DELETE", cluster.client.place("Pod", "db-1", namespace), {"gracePeriodSeconds": 0})
        assert number < 30
    assert not wrong, wrong
    # The admin of a namespace can impersonate an operator's account in it, but not the pod of its token.
    local = Account(cluster, namespace, "local-operator").may("cnpg-manager")
    path = f"/api/v1/namespaces/{namespace}/pods"
    denied(tenant.call("POST", path, database_pod(namespace, real), local.user))
    answer = tenant.call("POST", path, database_pod(namespace, real), local.user, extra={POD_UID: local.pod["metadata"]["uid"]})
    assert answer.status == 403 and "cannot impersonate" in answer.message, answer
    warned(local.client().create(database_pod(namespace, real)), "image-registry")
    return f"{len(forgeries)} forgeries"


STATUS, NO_STATUS = {"status": {}}, {}

# Each: the custom resource, True if it has a status, the account of its controller, True if it is marked as the controller, and the created object.
# From their sources: strimzi-kafka-operator (ModelUtils.createOwnerReference), argo-workflows (workflow/controller/workflowpod.go),
# tektoncd/pipeline (pkg/pod/pod.go), prometheus-operator (pkg/prometheus/server/statefulset.go), istio (manifests/kube-gateway.yaml), cert-manager
# (pkg/issuer/acme/http/ingress.go), CloudNativePG (pkg/specs/pods.go).
OPERATORS = [
    ("kafka.strimzi.io", "v1beta2", "kafkas", "Kafka", STATUS, "strimzi-cluster-operator", None, "Deployment"),
    ("core.strimzi.io", "v1beta2", "strimzipodsets", "StrimziPodSet", STATUS, "strimzi-cluster-operator", True, "Pod"),
    ("argoproj.io", "v1alpha1", "workflows", "Workflow", NO_STATUS, "argo", True, "Pod"),
    ("tekton.dev", "v1", "taskruns", "TaskRun", STATUS, "tekton-pipelines-controller", True, "Pod"),
    ("monitoring.coreos.com", "v1", "prometheuses", "Prometheus", STATUS, "prometheus-operator", True, "StatefulSet"),
    ("gateway.networking.k8s.io", "v1", "gateways", "Gateway", STATUS, "istiod", None, "Service"),
    ("acme.cert-manager.io", "v1", "challenges", "Challenge", STATUS, "cert-manager", True, "Ingress"),
]


def made(kind, namespace):
    """An object of an operator, with many violations."""
    if kind == "Pod":
        return database_pod(namespace, name="made")
    if kind in ("Deployment", "StatefulSet"):
        value = as_kind(kind, deployment("made", namespace, replicas=1))
        del container(value)["livenessProbe"]
        container(value)["image"] = "quay.io/example/operand:v1.2.3"
        return value
    if kind == "Service":
        spec = {"type": "LoadBalancer", "selector": {"app": "made"}, "ports": [{"port": 80}]}
        return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "made", "namespace": namespace}, "spec": spec}
    backend = {"service": {"name": "made", "port": {"number": 8089}}}
    return {"apiVersion": "networking.k8s.io/v1", "kind": kind, "metadata": {"name": "made", "namespace": namespace}, "spec": {
        "rules": [{"host": "shop.example.com", "http": {"paths": [{"path": "/.well-known", "pathType": "Exact", "backend": backend}]}}]}}


def serve(cluster, group, version, plural, kind, subresources):
    answer = cluster.client.create(definition(group, version, plural, kind, "Namespaced", subresources), CONTROL_PLANE)
    assert answer.status in (201, 409), answer
    cluster.wait_for(f"{plural} are served", lambda: cluster.resource(f"/apis/{group}/{version}", plural))


@check
def objects_of_operators_are_allowed_and_the_same_objects_of_others_are_denied(cluster):
    """Each operator with the token of its pod and only the rights that it needs; then the same object from a pipeline."""
    needs_controllers(cluster)
    pipeline = Account(cluster, "ci", "pipeline").may("cluster-admin").client()
    wrong = []
    for group, version, plural, kind, subresources, name, is_controller, made_kind in OPERATORS:
        serve(cluster, group, version, plural, kind, subresources)
        namespace = cluster.namespace(f"made-{plural}")
        path = f"/apis/{group}/{version}/namespaces/{namespace}/{plural}"
        value = {"apiVersion": f"{group}/{version}", "kind": kind, "metadata": {"name": "one", "namespace": namespace}, "spec": {}}
        answer = cluster.client.call("POST", path, value, CONTROL_PLANE)
        assert answer.status == 201, answer
        reference = {"apiVersion": f"{group}/{version}", "kind": kind, "name": "one", "uid": answer.body["metadata"]["uid"]}
        operator = Account(cluster, f"{name}-system", name).may(
            f"{name}-{plural}",
            {"apiGroups": ["", "apps", "networking.k8s.io"], "resources": ["pods", "deployments", "statefulsets", "services", "ingresses"],
             "verbs": ["create", "update", "patch", "delete"]},
            {"apiGroups": [group], "resources": [f"{plural}/{'status' if subresources else 'finalizers'}"], "verbs": ["update"]})
        value = made(made_kind, namespace)
        value["metadata"]["ownerReferences"] = [reference | ({"controller": True} if is_controller else {})]
        answer = operator.client().create(value, dry_run=True)
        if answer.status != 201 or not any(f"operator-made: change {kind} one]" in line for line in answer.warnings):
            wrong.append(f"{kind}'s {made_kind}: {answer}")
        answer = pipeline.create(value, dry_run=True)
        if "denied the request" not in answer.message:
            wrong.append(f"{kind}'s {made_kind} by a pipeline: {answer}")
    assert not wrong, "\n".join(wrong)
    return f"{len(OPERATORS)} operators"


@check
def an_ACK_controller_records_the_state_of_an_adopted_resource(cluster):
    """Adoption and late initialization; a public database from a person is denied."""
    needs_controllers(cluster)
    group, version, plural, kind = "rds.services.k8s.aws", "v1alpha1", "dbinstances", "DBInstance"
    serve(cluster, group, version, plural, kind, STATUS)
    namespace = cluster.namespace("aws")
    controller = Account(cluster, "ack-rds", "ack-rds-controller").may("ack-rds-controller", {
        "apiGroups": [group], "resources": [plural, f"{plural}/status"], "verbs": ["get", "list", "watch", "update", "patch"]}).client()
    path = f"/apis/{group}/{version}/namespaces/{namespace}/{plural}"
    spec = {"dbInstanceIdentifier": "shop", "engine": "postgres", "dbInstanceClass": "db.m7g.large", "storageEncrypted": True,
            "backupRetentionPeriod": 14}

    def instance(name, spec, **annotations):
        return {"apiVersion": f"{group}/{version}", "kind": kind, "spec": spec,
                "metadata": {"name": name, "namespace": namespace, "annotations": annotations}}

    def write(client, name, change, user=None):
        return client.call("PATCH", f"{path}/{name}", {"spec": change}, user, "application/merge-patch+json")
    denied(cluster.client.call("POST", path, instance("shop", spec)), "database-storage")
    admitted(cluster.client.call("POST", path, instance("shop", spec | {"publiclyAccessible": False})))
    denied(write(cluster.client, "shop", {"publiclyAccessible": True}), "database-storage")
    warned(write(controller, "shop", {"publiclyAccessible": True}), "database-storage")
    adopted = instance("old", {}, **{"services.k8s.aws/adoption-policy": "adopt", "services.k8s.aws/adoption-fields": "{}"})
    admitted(cluster.client.call("POST", path, adopted))
    warned(write(controller, "old", spec | {"storageEncrypted": False, "publiclyAccessible": True}), "database-storage")


@check
def Pods_that_a_Pod_creates_and_owns_are_allowed(cluster):
    """Spark's driver creates its executors with its pod as their owner."""
    needs_controllers(cluster)
    namespace = cluster.namespace("spark")
    driver = Account(cluster, namespace, "driver")
    permit(cluster, namespace, driver.user, "edit")
    metadata = driver.pod["metadata"]
    warned(driver.client().create(database_pod(namespace, owner("Pod", metadata["name"], metadata["uid"], "v1"), name="executor-1")),
           "image-registry")
    other = cluster.old(bad_pod("other", namespace))["metadata"]
    denied(driver.client().create(database_pod(namespace, owner("Pod", "other", other["uid"], "v1"), name="executor-2")))


@check
def a_Pod_of_a_CI_runner_that_runs_to_completion_is_allowed(cluster):
    """CI runners and Airflow: no owner, and a `restartPolicy` other than `Always`; security rules still deny."""
    needs_controllers(cluster)
    namespace = cluster.namespace("runners")
    runner = Account(cluster, namespace, "runner")
    permit(cluster, namespace, runner.user, "edit")
    value = bad_pod("job-1", namespace)
    value["spec"] |= {"restartPolicy": "Never", "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "runAsGroup": 1000}}
    value["spec"]["containers"][0]["image"] = "docker.io/library/busybox:1.37.0"
    warned(runner.client().create(value), "controller-managed", "image-registry")
    value["spec"]["restartPolicy"] = "Always"
    value["metadata"]["name"] = "job-2"
    denied(runner.client().create(value), "controller-managed")
    value["spec"] |= {"restartPolicy": "Never", "hostNetwork": True}
    denied(runner.client().create(value), "host-isolation")
