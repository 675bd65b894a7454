"""Calls to an API server, with the warnings of its responses."""

import http.client
import json
import re
import ssl
from urllib.parse import quote

# Kind to the path of its group and version, its plural, and whether it belongs to a namespace.
KINDS = {
    "Namespace": ("/api/v1", "namespaces", False),
    "Pod": ("/api/v1", "pods", True),
    "Secret": ("/api/v1", "secrets", True),
    "ConfigMap": ("/api/v1", "configmaps", True),
    "Service": ("/api/v1", "services", True),
    "ServiceAccount": ("/api/v1", "serviceaccounts", True),
    "Deployment": ("/apis/apps/v1", "deployments", True),
    "StatefulSet": ("/apis/apps/v1", "statefulsets", True),
    "DaemonSet": ("/apis/apps/v1", "daemonsets", True),
    "ReplicaSet": ("/apis/apps/v1", "replicasets", True),
    "ControllerRevision": ("/apis/apps/v1", "controllerrevisions", True),
    "Job": ("/apis/batch/v1", "jobs", True),
    "CronJob": ("/apis/batch/v1", "cronjobs", True),
    "HorizontalPodAutoscaler": ("/apis/autoscaling/v2", "horizontalpodautoscalers", True),
    "PodDisruptionBudget": ("/apis/policy/v1", "poddisruptionbudgets", True),
    "Ingress": ("/apis/networking.k8s.io/v1", "ingresses", True),
    "Rollout": ("/apis/argoproj.io/v1alpha1", "rollouts", True),
    "NodePool": ("/apis/karpenter.sh/v1", "nodepools", False),
    "Cluster": ("/apis/postgresql.cnpg.io/v1", "clusters", True),
    "IngressRoute": ("/apis/traefik.io/v1alpha1", "ingressroutes", True),
    "CustomResourceDefinition": ("/apis/apiextensions.k8s.io/v1", "customresourcedefinitions", False),
    "RoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "rolebindings", True),
    "ClusterRole": ("/apis/rbac.authorization.k8s.io/v1", "clusterroles", False),
    "ClusterRoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "clusterrolebindings", False),
    "ValidatingWebhookConfiguration": ("/apis/admissionregistration.k8s.io/v1", "validatingwebhookconfigurations", False),
    "MutatingWebhookConfiguration": ("/apis/admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations", False),
}


def collection(kind, namespace=None):
    root, plural, is_namespaced = KINDS[kind]
    return f"{root}/namespaces/{namespace}/{plural}" if is_namespaced else f"{root}/{plural}"


class Answer:
    """The API server's response to a call."""

    def __init__(self, response):
        self.status = response.status
        text = response.read()
        self.is_over = response.getheader("Connection") == "close"
        try:
            self.body = json.loads(text)
        except ValueError:
            self.body = {"message": text.decode(errors="replace")}
        self.warnings = [unquoted(line) for line in response.headers.get_all("Warning", [])]

    @property
    def message(self):
        return self.body.get("message", "") if self.status >= 300 else ""

    @property
    def rules(self):
        """The rules that a denial names."""
        causes = self.body.get("details", {}).get("causes", []) if self.status == 403 else []
        return {cause["reason"] for cause in causes}

    def __str__(self):
        return f"{self.status} {self.message or 'admitted'} {self.warnings}"


def unquoted(header):
    """The text of a warning, from `299 - "…"`."""
    text = header.encode("latin-1").decode("utf-8", errors="replace")
    quoted = re.fullmatch(r'299 \S+ "(.*)"', text)
    return re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else text


class Client:
    """A persistent connection that acts as a user; `user` is a name, or a name and groups."""

    def __init__(self, port, certificate, token):
        self.port, self.token = port, token
        self.context = ssl.create_default_context(cafile=certificate)
        self.connection = None

    def call(self, method, path, body=None, user=None, content="application/json", extra=None):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": content} | {
            f"Impersonate-Extra-{quote(key, safe='')}": value for key, value in (extra or {}).items()}
        if user:
            name, *groups = [user] if isinstance(user, str) else user
            headers["Impersonate-User"] = name
            # http.client sends a header once; checks need only one group.
            if groups:
                headers["Impersonate-Group"] = groups[0]
        if self.connection is None:
            self.connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.context, timeout=40)
        try:
            self.connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = Answer(self.connection.getresponse())
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        if answer.is_over:
            self.close()
        return answer

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    # Writes.

    def create(self, value, user=None, dry_run=False, manager=None):
        path = collection(value["kind"], value["metadata"].get("namespace"))
        options = (["dryRun=All"] if dry_run else []) + ([f"fieldManager={manager}"] if manager else [])
        return self.call("POST", path + ("?" + "&".join(options) if options else ""), value, user)

    def place(self, kind, name, namespace=None, part=None):
        return f"{collection(kind, namespace)}/{name}" + (f"/{part}" if part else "")

    def get(self, kind, name, namespace=None):
        return self.call("GET", self.place(kind, name, namespace)).body

    def patch(self, kind, name, namespace, change, user=None, part=None):
        """A merge patch, as by `kubectl patch --type merge`."""
        return self.call("PATCH", self.place(kind, name, namespace, part), change, user, "application/merge-patch+json")

    def items(self, kind, namespace=None):
        return self.call("GET", collection(kind, namespace)).body["items"]

    def apply(self, value, manager="kubectl"):
        """A server-side apply, as by `kubectl apply --server-side`."""
        path = self.place(value["kind"], value["metadata"]["name"], value["metadata"].get("namespace"))
        return self.call("PATCH", f"{path}?fieldManager={manager}&force=true", value, content="application/apply-patch+yaml")

    def replace(self, value, user=None):
        return self.call("PUT", self.place(value["kind"], value["metadata"]["name"], value["metadata"].get("namespace")), value, user)

    def delete(self, kind, name, namespace=None, user=None):
        return self.call("DELETE", self.place(kind, name, namespace), user=user)
