"""Two replicas behind one address, under load, while their environment changes.

usage: soak.py BINARY SECONDS

The replicas read related objects and certificates from a scripted API server. Clients send recorded reviews as an API
server does: over persistent connections to a ready replica, with the CAs in the current `caBundle`. Meanwhile the replicas
are restarted in turn, certificates are renewed, and the API server stops and starts, every other time without the versions that
watches have seen. Each answer must be, byte for byte, one that an undisturbed replica gave to the same review before: with
the API server or, during its outage, without it.
"""

import base64
import glob
import http.client
import json
import os
import pathlib
import random
import sys
import tempfile
import threading
import time

from certificate import self_signed
from replica import Asker, Replica
from scripted_apiserver import ScriptedAPIServer

RATE, CLIENTS = 200, 20
REGISTRATIONS = "/apis/admissionregistration.k8s.io/v1/{}webhookconfigurations"
BUDGETS = "/apis/policy/v1/poddisruptionbudgets"
# Clients wait a few seconds before they retry, and a request takes two.
AFTERMATH = 8


def budget(name, label):
    return {
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name},
        "spec": {"maxUnavailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow", "selector": {"matchLabels": {"app": label}}},
    }


def scripted_api_server(folder):
    """A cluster with the objects of `deploy/`, and a kubeconfig for it."""
    key, certificate = self_signed(folder, "api")
    token = base64.b64encode(os.urandom(18)).decode()
    api = ScriptedAPIServer(certificate, key, token)
    for kind, count in [("validating", 6), ("mutating", 1)]:
        hook = {"name": "w", "clientConfig": {"service": {"namespace": "playbook", "name": "playbook", "path": "/validate"}}}
        api.put(REGISTRATIONS.format(kind), {
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": f"{kind.capitalize()}WebhookConfiguration",
            "metadata": {"name": "playbook"}, "webhooks": [hook] * count})
    api.put("/api/v1/secrets", {
        "apiVersion": "v1", "kind": "Secret", "type": "playbook.superinc.com/certificates",
        "metadata": {"name": "playbook-certificates"}}, "playbook")
    for name in ["shop", "playbook", "kube-system"]:
        api.put("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    for label in ["catalogue", "checkout"]:
        api.put(BUDGETS, budget(label, label), "shop")
    api.start()
    with open(f"{folder}/kubeconfig", "w") as file:
        json.dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": f"https://127.0.0.1:{api.port}", "certificate-authority": certificate}}],
            "users": [{"name": "u", "user": {"token": token}}]}, file)
    return api


class Soak:
    def __init__(self, binary):
        self.folder = tempfile.mkdtemp(prefix="playbook-soak-")
        self.api = scripted_api_server(self.folder)
        environment = {
            "KUBECONFIG": f"{self.folder}/kubeconfig", "PLAYBOOK_COMPANIONS": "cluster", "PLAYBOOK_CERTIFICATES": "self",
            "PLAYBOOK_CERTIFICATES_LIFE": "60s"}
        self.replicas = [Replica(name, binary, self.folder, environment) for name in ("one", "two")]
        self.reviews = {os.path.basename(path): pathlib.Path(path).read_bytes()
                        for path in sorted(glob.glob("Tests/Fixtures/reviews/*.json"))}
        self.names = list(self.reviews)
        self.stopping = threading.Event()
        self.outage_ended = 0.0  # The time at which the last outage of the API server has no more effect; infinity during the outage.
        self.problems, self.failed, self.wrong = [], [], []
        self.latencies, self.serials, self.doubtful = [], set(), 0

    # Expected responses.

    def take_answers(self):
        """The responses of an undisturbed replica: with the API server, and without it."""
        for replica in self.replicas:
            replica.wait_until_ready()
        while not self.authorities():
            time.sleep(0.1)
        self.expected = self.answers()
        self.api.stop()
        self.expected_without = self.answers()
        self.api.start()
        # Until its watches are open again.
        time.sleep(AFTERMATH)

    def answers(self):
        asker, answers = self.connect(self.replicas[0]), {}
        for name, review in self.reviews.items():
            status, answers[name] = asker.ask(review)
            if status != 200:
                raise SystemExit(f"{name} is answered with {status}")
        asker.close()
        return answers

    # The load.

    def authorities(self):
        """The CAs that the API server currently trusts."""
        webhook = self.api.get(REGISTRATIONS.format("validating"), "playbook")["webhooks"][0]
        return base64.b64decode(webhook["clientConfig"].get("caBundle", "")).decode()

    def connect(self, replica):
        asker = Asker(replica.port, self.authorities())
        self.serials.add(asker.serial)
        return asker

    def client(self, number):
        """Sends its share of the requests until `stop` is set."""
        asker, due = None, time.monotonic() + number / RATE
        while not self.stopping.is_set():
            time.sleep(max(0, due - time.monotonic()))
            due += CLIENTS / RATE
            name = random.choice(self.names)
            started = time.monotonic()
            try:
                asker = asker or self.connect(random.choice([replica for replica in self.replicas if replica.is_ready]))
                answer = asker.ask(self.reviews[name])
            except (OSError, IndexError, http.client.HTTPException) as error:
                self.failed.append(f"{name}: {error!r}")
                asker = None
                continue
            self.latencies.append(time.monotonic() - started)
            self.judge(name, started, answer)
            # API servers keep a connection for a while; each new one goes through the Service.
            if asker.is_over or random.random() < 0.02:
                asker.close()
                asker = None

    def judge(self, name, started, answer):
        if answer == (200, self.expected[name]):
            return
        # A server that cannot look up an object must not deny because it is missing.
        if started < self.outage_ended and answer == (200, self.expected_without[name]):
            self.doubtful += 1
        else:
            self.wrong.append(f"{name}: {answer[0]} {answer[1][:200]!r}")

    # Disturbances.

    def endpoints(self):
        """Checks which replicas are ready, as the kubelet and the Service's controller do."""
        while not self.stopping.wait(0.25):
            for replica in self.replicas:
                replica.probe()

    def churn(self):
        """Changes to objects that the reviews do not depend on."""
        number = 0
        while not self.stopping.wait(0.2):
            number += 1
            self.api.put(BUDGETS, budget(f"other-{number % 50}", f"other-{number}"), f"team-{number % 20}")

    def restart(self, replica):
        code = replica.restart()
        if code != 0:
            self.problems.append(f"{replica.name} ended with {code}")

    def take_api_server_away(self, forgetting):
        self.outage_ended = float("inf")
        self.api.stop()
        time.sleep(3)
        self.api.start(forgetting)
        self.outage_ended = time.monotonic() + AFTERMATH
        time.sleep(AFTERMATH)

    def run(self, seconds):
        self.take_answers()
        before = [resident(replica) for replica in self.replicas]
        threads = [threading.Thread(target=self.endpoints), threading.Thread(target=self.churn)]
        threads += [threading.Thread(target=self.client, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        started, restarts, outages = time.monotonic(), 0, 0
        while time.monotonic() - started < seconds:
            time.sleep(5)
            if restarts % 2 == 0 and restarts > 2 * outages:
                self.take_api_server_away(forgetting=outages % 2 == 1)
                outages += 1
            else:
                self.restart(self.replicas[restarts % 2])
                restarts += 1
        self.stopping.set()
        for thread in threads:
            thread.join(60)
        after = [resident(replica) for replica in self.replicas]
        print(f"{len(self.latencies)} answers in {time.monotonic() - started:.0f} s, {len(self.failed)} failed, {len(self.wrong)} wrong")
        print(f"{restarts} restarts of replicas, {outages} of the API server, {len(self.serials)} serving certificates seen")
        print(f"{self.api.pages} pages of lists behind the first")
        if not self.api.pages:
            self.problems.append("no list had a second page")
        print(f"{self.doubtful} answers while the API server was away said that something could not be checked")
        ordered = sorted(self.latencies)
        print(f"latency at the client: median {ordered[len(ordered) // 2] * 1000:.1f} ms, "
              f"99 % {ordered[len(ordered) * 99 // 100] * 1000:.1f} ms, longest {ordered[-1] * 1000:.0f} ms")
        print(f"resident: {', '.join(f'{size:.1f}' for size in before)} MB before, {', '.join(f'{size:.1f}' for size in after)} MB at the end")
        for replica in self.replicas:
            code = replica.stop()
            if code != 0:
                self.problems.append(f"{replica.name} ended with {code}")
        for line in (self.problems + self.failed + self.wrong)[:10]:
            print(f"  {line}")
        if self.problems or self.failed or self.wrong:
            raise SystemExit(f"what the replicas wrote is in {self.folder}")


def resident(replica):
    """Its memory, in MB."""
    return replica.metric("process_resident_memory_bytes") / 1e6


if __name__ == "__main__":
    soak = Soak(sys.argv[1])
    try:
        soak.run(int(sys.argv[2]))
    finally:
        soak.stopping.set()
        for replica in soak.replicas:
            replica.process.kill()
