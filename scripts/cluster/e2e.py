"""Runs every check against a real API server.

usage: e2e.py BINARY [--latency] [NAME …]: the checks whose names contain one of the NAMEs, all of them without
"""

import os
import shutil
import signal
import sys
import tempfile
import time

from checks import CHECKS, Skipped
from cluster import Cluster
import checks.denials  # noqa: F401
import checks.subresources  # noqa: F401
import checks.lifecycle  # noqa: F401
import checks.companions  # noqa: F401
import checks.rollbacks  # noqa: F401
import checks.operators  # noqa: F401
import checks.counts  # noqa: F401
import checks.gitops  # noqa: F401
import checks.outage  # noqa: F401
import checks.access  # noqa: F401
import checks.certificates  # noqa: F401
import checks.restarts  # noqa: F401
import checks.chart  # noqa: F401
import checks.audit_log  # noqa: F401
import latency


def run(check, cluster):
    """True if the check ran, False if it was skipped, None if it failed."""
    title, started = check.__name__.replace("_", " "), time.monotonic()
    try:
        note = check(cluster)
        print(f"ok       {title} ({time.monotonic() - started:.1f} s){f': {note}' if note else ''}", flush=True)
        return True
    except Skipped as reason:
        print(f"skipped  {title}: {reason}", flush=True)
        return False
    except (AssertionError, OSError, LookupError) as error:
        print(f"FAILED   {title}: {error or repr(error)}", flush=True)
        return None


def main(binary, arguments):
    names = [each for each in arguments if not each.startswith("--")]
    chosen = [each for each in CHECKS if not names or any(name in each.__name__ for name in names)]
    folder = tempfile.mkdtemp(prefix="playbook-e2e-")
    cluster = Cluster(os.path.abspath(os.environ["KUBEBUILDER_ASSETS"]), binary, folder)
    has_failed, started = True, time.monotonic()
    # When this program ends, so do the processes that it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    try:
        cluster.start()
        print(f"kube-apiserver {cluster.version}, {'; '.join(cluster.kubectl('version', '--client').out.split(chr(10))[:1])}")
        cluster.install("production")
        if cluster.budget_server:
            print("policy/v1 is not served: a scripted API server behind the aggregation layer has the budgets")
        for each in cluster.left_out:
            print(f"left out of the overlay, since this API server has no {each['apiVersion']} {each['kind']}: {each['metadata']['name']}")
        results = [run(each, cluster) for each in chosen]
        if "--latency" in arguments:
            latency.measure(cluster)
        has_failed = None in results
        print(f"{results.count(True)} checks passed, {results.count(False)} skipped, {results.count(None)} failed, "
              f"in {time.monotonic() - started:.0f} s")
    finally:
        cluster.stop()
    if has_failed:
        raise SystemExit(f"what was written is in {folder}")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
