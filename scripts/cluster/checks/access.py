"""Bindings of roles to users, groups and all users."""

from checks import Skipped, admitted, check, denied

GROUP = "rbac.authorization.k8s.io"
FINALIZER = "e2e.superinc.com/hold"
EVERYBODY = {"apiGroup": GROUP, "kind": "Group", "name": "system:authenticated"}


def binding(name, *subjects, **metadata):
    return {"apiVersion": f"{GROUP}/v1", "kind": "ClusterRoleBinding", "metadata": {"name": name} | metadata,
            "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": "view"}, "subjects": list(subjects)}


def needs_rules(cluster):
    if not cluster.asks_about(GROUP, "clusterrolebindings"):
        raise Skipped("this version has no webhook for bindings")


@check
def a_binding_for_all_users_is_denied(cluster):
    needs_rules(cluster)
    denied(cluster.client.create(binding("everybody", EVERYBODY)), "anonymous-binding")
    admitted(cluster.client.create(binding("somebody", {"apiGroup": GROUP, "kind": "User", "name": "dana"})))


@check
def a_terminating_binding_cannot_get_a_new_subject(cluster):
    needs_rules(cluster)
    cluster.old(binding("going", {"apiGroup": GROUP, "kind": "User", "name": "dana"}, finalizers=[FINALIZER]))
    admitted(cluster.client.delete("ClusterRoleBinding", "going"))
    denied(cluster.client.patch("ClusterRoleBinding", "going", None, {"subjects": [EVERYBODY]}), "anonymous-binding")
    admitted(cluster.client.patch("ClusterRoleBinding", "going", None, {"metadata": {"finalizers": None}}))
    assert cluster.client.get("ClusterRoleBinding", "going")["code"] == 404
