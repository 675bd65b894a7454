"""PodDisruptionBudgets for an API server without policy/v1: a scripted API server behind its aggregation layer.

kubectl and the replicas' watches reach it through the real API server. Webhooks do not receive writes to it, because each API
server has its own admission.
"""

from certificate import self_signed
from scripted_apiserver import ScriptedAPIServer

GROUP_VERSION = "policy/v1"


class BudgetServer:
    def __init__(self, cluster):
        key, certificate = self_signed(cluster.folder, "policy")
        self.api = ScriptedAPIServer(certificate, key, token=None)
        self.api.documents[f"/apis/{GROUP_VERSION}"] = {
            "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": GROUP_VERSION, "resources": [{
                "name": "poddisruptionbudgets", "singularName": "", "namespaced": True, "kind": "PodDisruptionBudget",
                "verbs": ["create", "delete", "get", "list", "update", "watch"]}]}
        self.api.start()
        for path, value in self.objects():
            answer = cluster.client.call("POST", path, value)
            assert answer.status == 201, answer
        cluster.wait_for("policy/v1 is served", lambda: cluster.has_budgets)

    def objects(self):
        """The APIService that sends the group's version to it."""
        yield "/api/v1/namespaces/default/services", {
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "policy", "namespace": "default"},
            "spec": {"type": "ExternalName", "externalName": "localhost"}}
        yield "/apis/apiregistration.k8s.io/v1/apiservices", {
            "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": "v1.policy"},
            "spec": {"group": "policy", "version": "v1", "groupPriorityMinimum": 16000, "versionPriority": 20, "insecureSkipTLSVerify": True,
                     "service": {"name": "policy", "namespace": "default", "port": self.api.port}}}

    def stop(self):
        self.api.stop()
