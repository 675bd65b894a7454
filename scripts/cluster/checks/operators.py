"""Pods that come back after a drain: what an operator's service account makes by the token of its pod, and claims that are not believed."""

from checks import admitted, check, denied, needs_controllers, warned
from checks.rollbacks import ADMIN, permit
from control_plane import CONTROL_PLANE
from objects import bad_pod, definition

POD_UID = "authentication.kubernetes.io/pod-uid"
# What CloudNativePG has: https://github.com/cloudnative-pg/cloudnative-pg, config/rbac/role.yaml.
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
    """A service account with a pod that runs as it, and tokens."""

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
        """A connection by the token that a client in the pod has, or by an exported one."""
        bound = {"boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": self.pod["metadata"]["name"],
                                    "uid": self.pod["metadata"]["uid"]}} if is_bound else {}
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600} | bound}
        path = self.cluster.client.place("ServiceAccount", self.name, self.namespace, "token")
        answer = admitted(self.cluster.client.call("POST", path, request, CONTROL_PLANE))
        return self.cluster.client_of(answer.body["status"]["token"])

    def may(self, role, *rules):
        """Gives it a ClusterRole in all namespaces."""
        if rules:
            value = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": role}, "rules": list(rules)}
            assert self.cluster.client.create(value, CONTROL_PLANE).status in (201, 409)
        binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": f"{self.name}-{role}"},
                   "subjects": [{"kind": "ServiceAccount", "name": self.name, "namespace": self.namespace}],
                   "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}}
        assert self.cluster.client.create(binding, CONTROL_PLANE).status in (201, 409)
        return self


def postgres(cluster):
    """A namespace with a Cluster of CloudNativePG, the reference to it, and its operator."""
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
def an_operator_s_Pod_comes_back_after_a_drain(cluster):
    needs_controllers(cluster)
    namespace, cluster_owner, operator = postgres(cluster)
    client = operator.client()
    for _ in range(2):
        warned(client.create(database_pod(namespace, cluster_owner), manager="cloudnative-pg"), "image-registry")
        # As an eviction does it.
        admitted(cluster.client.call("DELETE", cluster.client.place("Pod", "db-1", namespace), {"gracePeriodSeconds": 0}))
    # Its own budget, too: it lets no pod of a single primary go.
    blocking = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
                "metadata": {"name": "db-primary", "namespace": namespace, "ownerReferences": [cluster_owner]},
                "spec": {"minAvailable": 1, "maxUnavailable": None, "selector": {"matchLabels": {"cnpg.io/cluster": "db"}}}}
    admitted(client.create(blocking))
    # Whoever operates databases has no need of the node.
    denied(client.create(database_pod(namespace, cluster_owner, securityContext={"privileged": True})), "privilege-escalation")


@check
def a_claim_that_anybody_can_write_is_not_believed(cluster):
    needs_controllers(cluster)
    namespace, real, operator = postgres(cluster)
    permit(cluster, namespace, ADMIN[0])
    # A namespace's admin has an account and a pod of its own, and gives it all that it may give.
    own = Account(cluster, namespace, "tenant")
    permit(cluster, namespace, own.user)
    # A deployer may do everything, in a pod as well.
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
        "a namespace's own account, an owner of a kind that nobody serves": lambda: tenant.create(database_pod(namespace, made_up)),
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
    # Whoever may impersonate an account may not write what only a pod's token has.
    answer = admin.call("POST", f"/api/v1/namespaces/{namespace}/pods", database_pod(namespace, real), ADMIN)
    assert answer.status == 403, answer
    return f"{len(forgeries)} forgeries"


@check
def a_Pod_s_own_children_are_believed(cluster):
    """Spark's driver makes its executors with its own pod as their owner."""
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
def a_runner_s_Pod_that_ends_by_itself_is_let_in(cluster):
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
