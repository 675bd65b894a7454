"""A cluster with the webhook in it: an overlay, and two replicas of the server behind one address."""

import base64
import contextlib
import subprocess
import time

import yaml

from address import Address
from control_plane import CONTROL_PLANE, ControlPlane
from objects import budget, definition
from replica import Replica
from stand_in import BudgetServer

NAME_LABEL = "kubernetes.io/metadata.name"
REGISTRATIONS = ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"]
# CustomResourceDefinitions of other projects, for the checks that use their kinds.
DEFINITIONS = [("argoproj.io", "v1alpha1", "rollouts", "Rollout", "Namespaced"), ("karpenter.sh", "v1", "nodepools", "NodePool", "Cluster")]
# Short, so that renewals happen during the run.
LIFE = "120s"


class Cluster(ControlPlane):
    def __init__(self, assets, binary, folder):
        super().__init__(assets, folder)
        self.binary = binary
        self.replicas, self.address, self.overlay_settings = [], None, {}
        # The source of PodDisruptionBudgets if the API server has no policy/v1.
        self.budget_server = None
        # Objects of the overlay whose kinds the API server does not have.
        self.left_out = []
        # The parts of the API server's log in which a check prevented calls of the webhook.
        self.outages = []

    # Installation of the webhook.

    def install(self, overlay):
        """Applies an overlay, and starts the replicas of its Deployment."""
        # Newer API servers set this label, which the webhook configurations select by.
        for namespace in self.client.call("GET", "/api/v1/namespaces").body["items"]:
            self.label(namespace["metadata"]["name"])
        self.define_kinds()
        if not self.has_budgets:
            self.budget_server = BudgetServer(self)
        self.address = Address(self.replicas)
        objects = self.rendered(overlay)
        self.left_out = [each for each in objects if not self.serves(each) or self.is_stood_in_for(each)]
        self.apply_all([each for each in objects if each not in self.left_out])
        self.overlay_settings = next(each for each in objects if each["kind"] == "ConfigMap")["data"]
        self.start_replicas(self.overlay_settings | {"PLAYBOOK_CERTIFICATES_LIFE": LIFE})
        # Requests of controllers are sent to the webhook as soon as the overlay is applied.
        self.outages.append(range(self.log_length))

    def start_replicas(self, settings):
        """Starts the replicas of the Deployment, and waits until the API server calls them."""
        # The server acts as its service account, with the rights that the overlay grants.
        token = self.kubectl("create", "token", "playbook", "--namespace=playbook", "--duration=2h").out.strip()
        environment = settings | {
            "KUBECONFIG": self.write_kubeconfig("playbook", token), "PLAYBOOK_COMPANIONS": "cluster",
            "PLAYBOOK_SHUTDOWN_DELAY": "2s", "PLAYBOOK_SHUTDOWN_TIMEOUT": "5s"}
        self.replicas += [Replica(name, self.binary, self.folder, dict(environment)) for name in ("one", "two")]
        for replica in self.replicas:
            replica.wait_until_ready()
        self.wait_for("the webhook configurations trust the server", self.are_trusted)
        self.settle()

    def label(self, namespace):
        self.client.patch("Namespace", namespace, None, {"metadata": {"labels": {NAME_LABEL: namespace}}}, CONTROL_PLANE)

    def rendered(self, overlay):
        """The overlay's objects; only the target of its Service differs."""
        text = subprocess.run([self.kubectl_path, "kustomize", f"deploy/overlays/{overlay}"], check=True, capture_output=True, text=True)
        objects = [each for each in yaml.safe_load_all(text.stdout) if each]
        for each in objects:
            if each["kind"] == "Namespace":
                each["metadata"].setdefault("labels", {})[NAME_LABEL] = each["metadata"]["name"]
        self.lead_here(objects)
        return objects

    def lead_here(self, objects):
        """Points the Service and the webhook configurations at the replicas on this machine."""
        for each in objects:
            if each["kind"] == "Service":
                each["spec"] = {"type": "ExternalName", "externalName": "localhost"}
            for webhook in each.get("webhooks", []):
                webhook["clientConfig"]["service"]["port"] = self.address.port

    def apply_all(self, objects):
        outcome = self.kubectl("apply", "--validate=false", "--filename=-", stdin=objects)
        if outcome.code != 0:
            raise SystemExit(f"the overlay cannot be applied: {outcome}")

    def define_kinds(self):
        for kind in DEFINITIONS:
            answer = self.client.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition(*kind))
            if answer.status != 201:
                raise SystemExit(f"{kind} cannot be defined: {answer}")
        for group, version, plural, _, _ in DEFINITIONS:
            self.wait_for(f"{plural} are served", lambda path=f"/apis/{group}/{version}", name=plural: self.resource(path, name))

    # State.

    def serves(self, value):
        """True if the API server has the kind of an object, in its version."""
        root = "/api/v1" if value["apiVersion"] == "v1" else f"/apis/{value['apiVersion']}"
        answer = self.client.call("GET", root)
        return answer.status == 200 and any(each["kind"] == value["kind"] for each in answer.body["resources"])

    def is_stood_in_for(self, value):
        return self.budget_server is not None and value["kind"] == "PodDisruptionBudget"

    @property
    def has_budgets(self):
        return self.serves(budget("any", "any"))

    def wait_for(self, what, condition, limit=60):
        end = time.monotonic() + limit
        while not (value := condition()):
            if time.monotonic() > end:
                raise AssertionError(f"not within {limit} s: {what}")
            time.sleep(0.2)
        return value

    def bundles(self):
        """The caBundle of each webhook in the webhook configurations."""
        return [base64.b64decode(webhook["clientConfig"].get("caBundle") or "").decode()
                for kind in REGISTRATIONS for webhook in self.client.get(kind, "playbook")["webhooks"]]

    def are_trusted(self):
        return all("BEGIN CERTIFICATE" in bundle for bundle in self.bundles())

    def settle(self):
        """Waits until the API server calls the webhook with the current webhook configurations."""
        probe = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "probe", "namespace": "default"},
                 "spec": {"type": "NodePort", "ports": [{"port": 80}]}}
        self.wait_for("the API server asks the webhook", lambda: self.client.create(probe, dry_run=True).warnings
                      or self.client.create(probe, dry_run=True).status == 403)

    def asks_about(self, group, resource):
        """True if a ValidatingWebhookConfiguration selects a resource."""
        return any(group in rule["apiGroups"] and resource in rule["resources"]
                   for webhook in self.client.get("ValidatingWebhookConfiguration", "playbook")["webhooks"] for rule in webhook["rules"])

    # Changes by checks.

    def namespace(self, name, **annotations):
        """A namespace for one check, or for a few."""
        value = {"apiVersion": "v1", "kind": "Namespace", "metadata": {
            "name": name, "labels": {NAME_LABEL: name}, "annotations": annotations}}
        answer = self.client.create(value)
        assert answer.status in (201, 409), answer
        return name

    def guard(self, namespace, name="web", labels=None):
        """Creates the PodDisruptionBudget of a Deployment, unless there is one."""
        answer = self.client.create(budget(name, namespace, labels))
        assert answer.status in (201, 409), answer

    def old(self, value):
        """Creates an object as if it had existed before the webhook."""
        answer = self.client.create(value, CONTROL_PLANE)
        assert answer.status == 201, answer
        return answer.body

    @contextlib.contextmanager
    def outage(self):
        """A period in which the API server's log may have failed calls of the webhook."""
        start = self.log_length
        yield
        self.outages.append(range(start, self.log_length))

    @contextlib.contextmanager
    def settings(self, **changes):
        """Other settings within a block; the replicas restart one by one, as in a rolling update."""
        before = [dict(replica.environment) for replica in self.replicas]
        for replica in self.replicas:
            replica.environment |= changes
            replica.restart()
        try:
            yield
        finally:
            for replica, environment in zip(self.replicas, before, strict=True):
                replica.environment = environment
                replica.restart()

    def stop(self):
        for replica in self.replicas:
            replica.process.kill()
            replica.process.wait()
        if self.address:
            self.address.stop()
        if self.budget_server:
            self.budget_server.stop()
        super().stop()
