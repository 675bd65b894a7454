"""Measures the time that the webhook adds to a request of the API server: creates a Deployment a thousand times in each of three ways."""

import statistics
import time

from checks import admitted
from cluster import REGISTRATIONS
from objects import deployment
from replica import Replica

COUNT = 1000
WAYS = ["none", "allow-all", "playbook"]


def register(cluster, ports):
    """Makes the API server call a server about the objects in one namespace, for fixes and for a decision."""
    for kind in REGISTRATIONS:
        value = cluster.client.get(kind, "playbook")
        first, webhooks = value["webhooks"][0], []
        for way, port in ports.items():
            service = first["clientConfig"]["service"] | {"port": port}
            webhooks.append(first | {
                "name": f"{way}.playbook.superinc.com", "namespaceSelector": {"matchLabels": {"way": way}},
                "clientConfig": first["clientConfig"] | {"service": service}})
        admitted(cluster.client.replace(value | {"webhooks": webhooks}))
    # API servers read the change through a watch.
    time.sleep(5)


def measure(cluster):
    """Prints the medians. Calls are sent one after the other, over one connection, and alternate between the ways."""
    silent = Replica("allow-all", cluster.binary, cluster.folder, cluster.replicas[0].environment | {"PLAYBOOK_RULES_DEFAULT": "off"})
    try:
        silent.wait_until_ready()
        for way in WAYS:
            cluster.namespace(f"latency-{way}")
            cluster.guard(f"latency-{way}")
            cluster.client.patch("Namespace", f"latency-{way}", None, {"metadata": {"labels": {"way": way}}})
        register(cluster, {"allow-all": silent.port, "playbook": cluster.replicas[0].port})
        times = {way: [] for way in WAYS}
        for number in range(-50, COUNT):
            for way in WAYS:
                value = deployment(f"web-{number + 50}", f"latency-{way}", labels={"app": "web"})
                started = time.perf_counter()
                admitted(cluster.client.create(value))
                if number >= 0:
                    times[way].append((time.perf_counter() - started) * 1000)
        # The server was called for fixes and for a decision.
        for replica in (silent, cluster.replicas[0]):
            assert replica.metric("playbook_admission_duration_seconds_count") >= 2 * COUNT, f"{replica.name} was not asked"
    finally:
        silent.process.kill()
        silent.process.wait()
    print(f"{COUNT} Deployments made in each way, in ms:")
    for way in WAYS:
        ordered = sorted(times[way])
        print(f"  {way:10} median {statistics.median(ordered):.2f}, 95 % {ordered[COUNT * 95 // 100]:.2f}, "
              f"99 % {ordered[COUNT * 99 // 100]:.2f}")
