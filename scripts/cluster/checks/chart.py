"""The Helm chart in separate clusters: install, upgrades, upgrades that fail, roll-back, tests, uninstall, and after kustomize."""

import contextlib
import json
import os
import shutil
import subprocess

import yaml

from address import Address
from checks import admitted, check, denied
from cluster import REGISTRATIONS, Cluster
from objects import BROKEN, bad_deployment

RELEASE = ("playbook", "--namespace=playbook")
# The API server rejects the Deployment with these values: the schema of the chart does not compare two values.
LARGE = {"resources": {"requests": {"memory": "1Gi"}, "limits": {"memory": "256Mi"}}}


class ChartCluster(Cluster):
    """A cluster in which Helm has installed the chart."""

    def __init__(self, assets, binary, folder):
        os.makedirs(folder)
        super().__init__(assets, binary, folder)
        self.address = Address(self.replicas)
        self.chart = f"{folder}/chart"
        shutil.copytree("deploy/chart", self.chart)
        path = f"{self.chart}/files/base.yaml"
        with open(path) as file:
            objects = list(yaml.safe_load_all(file))
        self.lead_here(objects)
        with open(path, "w") as file:
            file.write("---\n".join(yaml.safe_dump(each) for each in objects))

    def release(self, command, values, *options):
        """`helm install` or `helm upgrade` with values."""
        path = f"{self.folder}/values.json"
        with open(path, "w") as file:
            json.dump(values, file)
        name, namespace = RELEASE
        return self.helm(command, name, self.chart, namespace, f"--values={path}", *options)

    def revisions(self):
        """The states of the release's revisions, as `helm history` prints them."""
        return [each["status"] for each in json.loads(succeeded(self.helm("history", *RELEASE)).out)]

    def start_server(self):
        self.start_replicas(self.settings())

    def settings(self):
        return self.client.get("ConfigMap", "playbook-settings", "playbook")["data"]

    def container(self):
        return self.client.get("Deployment", "playbook", "playbook")["spec"]["template"]["spec"]["containers"][0]

    def written(self):
        """The values that the server writes into the chart's objects."""
        configurations = [self.client.get(kind, "playbook") for kind in REGISTRATIONS]
        return {"secret": self.client.get("Secret", "playbook-certificates", "playbook").get("data"), "bundles": self.bundles(),
                "since": [each["metadata"].get("annotations", {}).get("playbook.superinc.com/enforced-since") for each in configurations]}

    def keeps(self, before, what):
        after = self.written()
        assert after == before, f"{what} changed {[name for name in before if after[name] != before[name]]}"


@contextlib.contextmanager
def chart_cluster(cluster, name):
    own = ChartCluster(cluster.assets, cluster.binary, f"{cluster.folder}/{name}")
    try:
        own.start()
        assert own.kubectl("create", "namespace", "playbook").code == 0
        yield own
    finally:
        own.stop()


def succeeded(outcome):
    assert outcome.code == 0, outcome
    return outcome


def failed(outcome, text):
    assert outcome.code != 0 and text in outcome.out, outcome
    return outcome


def is_called(cluster):
    denied(cluster.client.create(bad_deployment("web", "default"), dry_run=True), *BROKEN)


def hooks(cluster):
    """The objects of `helm test`."""
    return [each for each in yaml.safe_load_all(succeeded(cluster.helm("get_hooks", *RELEASE)).out) if each]


def test_job_can_ask(cluster):
    """Runs the command of the Job of `helm test`, with the rights that the chart grants it."""
    objects = hooks(cluster)
    job = next(each for each in objects if each["kind"] == "Job")
    cluster.apply_all([each for each in objects if each != job])
    succeeded(cluster.kubectl("create", "--dry-run=server", "--filename=-", stdin=job))
    token = succeeded(cluster.kubectl("create", "token", "playbook-test", "--namespace=playbook")).out.strip()
    arguments = job["spec"]["template"]["spec"]["containers"][0]["args"]
    process = subprocess.run([cluster.binary, *arguments], capture_output=True, text=True, timeout=120, check=False, env={
        "KUBECONFIG": cluster.write_kubeconfig("test", token)} | cluster.settings())
    # No node runs the pods of the Deployment.
    problems = [line for line in process.stdout.splitlines() if not line.startswith(("ok", "notice"))]
    assert process.returncode == 1 and [line.split(":")[0].split()[-1] for line in problems] == ["replicas"], process.stdout + process.stderr
    succeeded(cluster.kubectl("delete", "--filename=-", stdin=[each for each in objects if each != job]))


@check
def the_chart_is_installed_and_upgraded_and_keeps_its_certificate(cluster):
    with chart_cluster(cluster, "chart-install") as own:
        succeeded(own.release("install", {}))
        own.start_server()
        is_called(own)
        before = own.written()
        assert before["secret"] and all(before["bundles"]) and before["since"][0], before

        def keeps(what):
            own.keeps(before, what)
            is_called(own)

        # As the HPA does under load.
        admitted(own.client.patch("Deployment", "playbook", "playbook", {"spec": {"replicas": 5}}, part="scale"))
        changed = {"replicas": 4, "settings": {"PLAYBOOK_CONTACT": "the team"}, "rbac": {"keda": False}, "podAnnotations": {"note": "1"}}
        for note in ("1", "2"):
            succeeded(own.release("upgrade", changed | {"podAnnotations": {"note": note}}))
            keeps("an upgrade")
        assert own.settings()["PLAYBOOK_CONTACT"] == "the team"
        assert own.client.get("Deployment", "playbook", "playbook")["spec"]["replicas"] == 5, "an upgrade resets what the HPA has set"
        assert own.client.get("ClusterRole", "playbook-companions-keda").get("code") == 404

        image = own.container()["image"]
        # Fails when all objects are there: the pods never become ready.
        failed(own.release("upgrade", {"image": {"tag": "0.0.0-0000000"}}, "--atomic", "--wait", "--timeout=5s"), "deadline exceeded")
        keeps("a failed upgrade")
        assert own.container()["image"] == image
        assert own.revisions()[-2:] == ["failed", "deployed"], own.revisions()
        # Fails half way: the API server rejects one object.
        failed(own.release("upgrade", changed | LARGE, "--atomic"), "less than or equal to memory limit")
        keeps("an upgrade that fails half way")
        # Fails before: a misspelled value.
        failed(own.release("upgrade", {"mod": "enforce"}), "mod")
        keeps("an upgrade with a misspelled value")

        succeeded(own.helm("rollback", "playbook", "1", "--namespace=playbook"))
        keeps("a roll-back")
        assert "PLAYBOOK_CONTACT" not in own.settings()
        assert own.client.get("ClusterRole", "playbook-companions-keda").get("rules")

        succeeded(own.release("upgrade", {"mode": "dry-run"}))
        webhook = own.client.get("ValidatingWebhookConfiguration", "playbook")["webhooks"][0]
        assert webhook["failurePolicy"] == "Ignore", webhook["failurePolicy"]
        # Without values, Helm would keep those of the last revision.
        succeeded(own.release("upgrade", {"mode": "enforce"}))
        keeps("an upgrade to dry-run mode and back")

        test_job_can_ask(own)
        uninstall(own)


def uninstall(cluster):
    """In the order of docs/install.md: Helm would delete the webhook configurations last, and workloads fail closed until then."""
    succeeded(cluster.kubectl("delete", "validatingwebhookconfiguration,mutatingwebhookconfiguration", "playbook"))
    succeeded(cluster.helm("uninstall", *RELEASE))
    names = [each["metadata"]["name"] for kind in ("Secret", "ConfigMap", "Deployment") for each in cluster.client.items(kind, "playbook")]
    # The control plane puts ConfigMaps into each namespace.
    assert not [name for name in names if "playbook" in name], names


@check
def Helm_takes_over_an_installation_by_kustomize(cluster):
    """By the steps of docs/install.md."""
    with chart_cluster(cluster, "takeover") as own:
        objects = [each for each in own.rendered("production") if each["kind"] != "Namespace"]
        own.apply_all(objects)
        own.start_replicas(next(each for each in objects if each["kind"] == "ConfigMap")["data"])
        before = own.written()
        failed(own.release("install", {}), "invalid ownership metadata")
        name, namespace = RELEASE[0], "playbook"
        succeeded(own.kubectl("label", "--filename=-", "app.kubernetes.io/managed-by=Helm", stdin=objects))
        succeeded(own.kubectl("annotate", "--filename=-", f"meta.helm.sh/release-name={name}", f"meta.helm.sh/release-namespace={namespace}",
                              stdin=objects))
        succeeded(own.release("install", {}))
        own.keeps(before, "the first installation by Helm")

        # Helm cannot roll back after an upgrade that fails before it deletes an object. Another upgrade can always be made.
        values = {"podAnnotations": {"note": "1"}}
        succeeded(own.release("upgrade", values))
        failed(own.release("upgrade", {"rbac": {"istio": False}} | LARGE), "less than or equal to memory limit")
        failed(own.helm("rollback", name, "2", RELEASE[1]), 'no ClusterRole with the name "playbook-companions-istio" found')
        succeeded(own.release("upgrade", values))
        own.keeps(before, "an upgrade after one that failed")
