"""The certificate that the server manages: after damage it is restored, and no call fails."""

from checks import check, denied
from cluster import REGISTRATIONS
from objects import BROKEN, bad_deployment
from replica import Asker

SECRET = "playbook-certificates"


def is_called(cluster):
    denied(cluster.client.create(bad_deployment("web", cluster.namespace("certificates"))), *BROKEN)


@check
def the_server_writes_its_Secret_and_every_caBundle(cluster):
    secret = cluster.client.get("Secret", SECRET, "playbook")
    assert {"ca.crt", "tls.crt", "tls.key"} <= set(secret["data"]), secret["data"].keys()
    assert secret["type"] == "playbook.superinc.com/certificates", secret["type"]
    assert cluster.are_trusted()
    is_called(cluster)


@check
def an_emptied_caBundle_is_restored(cluster):
    with cluster.outage():
        for kind in REGISTRATIONS:
            value = cluster.client.get(kind, "playbook")
            for webhook in value["webhooks"]:
                webhook["clientConfig"].pop("caBundle")
            assert cluster.client.replace(value).status == 200
        cluster.wait_for("the bundles are back", cluster.are_trusted)
        cluster.settle()
        is_called(cluster)


@check
def a_damaged_Secret_is_restored_without_a_failed_call(cluster):
    cluster.client.patch("Secret", SECRET, "playbook", {"data": {"tls.key": "bm8ga2V5", "ca.crt": "bm8ga2V5"}})
    cluster.wait_for("the Secret is whole", lambda: "bm8ga2V5" not in cluster.client.get("Secret", SECRET, "playbook")["data"].values())
    is_called(cluster)


@check
def a_deleted_Secret_is_recreated_without_a_failed_call(cluster):
    cluster.client.delete("Secret", SECRET, "playbook")
    cluster.wait_for("the Secret is there", lambda: cluster.client.get("Secret", SECRET, "playbook").get("data"))
    is_called(cluster)


def serial(cluster):
    asker = Asker(cluster.replicas[0].port, "".join(set(cluster.bundles())))
    asker.close()
    return asker.serial


@check
def the_certificate_is_renewed_without_a_failed_call(cluster):
    before = serial(cluster)

    def is_renewed():
        is_called(cluster)
        return serial(cluster) != before
    cluster.wait_for("another certificate is served", is_renewed, limit=150)
    is_called(cluster)
