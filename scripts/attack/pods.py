"""Hostile objects: workloads with a pod template."""

from shape import Shape, members, of, text

IMAGE = "222222222222.dkr.ecr.eu-west-1.amazonaws.com/shop/web:1.4.2-9f3c1ab"
APP = {
    "name": "app",
    "image": IMAGE,
    "ports": [{"name": "http", "containerPort": 9000}],
    "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "256Mi"}},
    "livenessProbe": {"httpGet": {"path": "/livez", "port": "http"}},
    "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}},
}
POD = {"securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "runAsGroup": 10001}, "containers": [APP]}
ZONE = "topology.kubernetes.io/zone"
SPREAD = {"maxSkew": 1, "topologyKey": ZONE, "labelSelector": {"matchLabels": {"app": "web"}}}


def template(pod, metadata=None):
    """Returns a pod template in which only `pod` and `metadata` can cause findings."""
    return {"metadata": {"labels": {"app": "web"}} | (metadata or {}), "spec": POD | pod}


def workload(name, pod, *parts, kind="apps/v1/Deployment", metadata=None, own=None, spec=None, most=None):
    body = {"spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template(pod, metadata)}}
    body["spec"] |= spec or {}
    if own:
        body["metadata"] = own
    return Shape(name, kind, body, *parts, most=most)


def container(name, fields, *parts):
    """Returns a Deployment with one container that has these fields."""
    return workload(name, {"containers": [APP | fields], "topologySpreadConstraints": [SPREAD]}, *parts)


def node_affinity(terms, kind="requiredDuringSchedulingIgnoredDuringExecution"):
    content = {"nodeSelectorTerms": terms} if kind.startswith("required") else terms
    return {"affinity": {"nodeAffinity": {kind: content}}}


BROKEN = (
    '{"name":"c%","image":"a%","securityContext":{"privileged":true,"allowPrivilegeEscalation":true,"procMount":"Unmasked",'
    '"runAsUser":0,"runAsNonRoot":false,"capabilities":{"add":["ALL"]}},"ports":[{"hostPort":1}],"command":["npm"],'
    '"env":[{"name":"AWS_ACCESS_KEY_ID","value":"a"},{"name":"PASSWORD","value":"hunter2"}],'
    '"resources":{"limits":{"cpu":1}},"livenessProbe":{},"readinessProbe":{"httpGet":{"port":"x"}},'
    '"volumeMounts":[{"mountPath":"/.aws/credentials"}]}'
)
SPOT = '{"key":"karpenter.sh/capacity-type","operator":"In","values":["spot"]}'

# Rules evaluate at most this number of containers. One of them is APP if the others are in other lists.
MOST = 1000
FILLED = '{"name":"c%","env":[' + ",".join('{"name":"A' + str(i) + '_PASSWORD","value":"hunter%x"}' for i in range(50)) + "]}"
LONG = '{"name":"' + "n" * 3000 + '%"}'


def containers(name, element, field="containers", kind="apps/v1/Deployment", most=MOST):
    return workload(name, {field: ["@0"]}, of(element), kind=kind, most=most)


CONTAINERS = [
    containers("containers", '{"name":"c%"}'),
    containers("containers-too-many", '{"name":"c%"}', most=None),
    containers("containers-nameless", "{}"),
    containers("containers-same-name", '{"name":"c"}'),
    containers("containers-broken", BROKEN),
    containers("containers-filled", FILLED),
    containers("containers-long-names", LONG),
    containers("containers-images", '{"name":"c%","image":"docker.io/a%:latest"}'),
    containers("containers-malformed", "0"),
    containers("init-containers", '{"name":"c%"}', "initContainers", most=MOST - 1),
    containers("sidecars", '{"name":"c%","restartPolicy":"Always"}', "initContainers", most=MOST - 1),
    containers("containers-job", BROKEN, kind="batch/v1/Job"),
    containers("containers-rollout", BROKEN, kind="argoproj.io/v1alpha1/Rollout"),
    containers("containers-daemonset", BROKEN, kind="apps/v1/DaemonSet"),
    containers("containers-statefulset", BROKEN, kind="apps/v1/StatefulSet"),
    Shape("containers-pod", "v1/Pod", {"spec": POD | {"containers": ["@0"]}}, of(BROKEN), most=MOST),
    Shape(
        "containers-cronjob", "batch/v1/CronJob",
        {"spec": {"jobTemplate": {"spec": {"template": template({"containers": ["@0"]})}}}}, of(BROKEN), most=MOST,
    ),
    Shape(
        "ephemeral-containers", "v1/Pod", {"spec": POD | {"ephemeralContainers": ["@0"]}}, of('{"name":"c%"}'),
        subresource="ephemeralcontainers", most=MOST - 1,
    ),
    container("image-long", {"image": "docker.io/@0:latest"}, text("a%/")),
]

ENVIRONMENT = [
    container("env-plain", {"env": ["@0"]}, of('{"name":"A%"}')),
    container("env-secrets", {"env": ["@0"]}, of('{"name":"A%_PASSWORD","value":"hunter%x"}')),
    container("env-secrets-same-name", {"env": ["@0"]}, of('{"name":"PASSWORD","value":"hunter%x"}')),
    container("env-secrets-equal", {"env": ["@0"]}, of('{"name":"PASSWORD","value":"hunter2x"}')),
    container("env-database-urls", {"env": ["@0"]}, of('{"name":"A%_DB_URL","value":"postgres://u:hunter%x@h/d"}')),
    container("env-database-names", {"env": ["@0"]}, of('{"name":"A%_DB_URL","valueFrom":{}}')),
    container(
        "env-secret-keys", {"env": ["@0"]},
        of('{"name":"A%","valueFrom":{"secretKeyRef":{"name":"s","key":"AWS_ACCESS_KEY_ID"}}}'),
    ),
    container("env-aws", {"env": ["@0"]}, of('{"name":"AWS_ACCESS_KEY_ID","value":"a%"}')),
    container("env-value-long", {"env": [{"name": "PASSWORD", "value": "@0"}]}, text("x%y")),
    container("env-from", {"envFrom": ["@0"]}, of('{"secretRef":{"name":"s%"}}')),
    container("args-secrets", {"args": ["@0"]}, of('"--password=hunter%x"')),
    container("args-flags", {"args": ["@0"]}, of('"--password","hunter%x"')),
    container("args-plain", {"args": ["@0"]}, of('"-a%"')),
    container("command-options", {"command": ["sh", "@0"]}, of('"-a%"')),
    container("command-script", {"command": ["sh", "-c", "@0"]}, text("a%;")),
    container("command-script-quotes", {"command": ["sh", "-c", "@0"]}, text("'$(\"`")),
    container("command-script-secrets", {"command": ["sh", "-c", "@0"]}, text("curl -u a:hunter%x http://a;")),
]

FIELDS = [
    container("ports", {"ports": ["@0"]}, of('{"containerPort":%}')),
    container("ports-host", {"ports": ["@0"]}, of('{"hostPort":1%}')),
    container("ports-metrics", {"ports": ["@0"]}, of('{"name":"metrics","containerPort":1%}')),
    container("ports-unknown-probe", {"ports": ["@0"], "livenessProbe": {"httpGet": {"port": "x"}}}, of('{"name":"p%"}')),
    container("capabilities", {"securityContext": {"capabilities": {"add": ["@0"]}}}, of('"A%"')),
    container("capabilities-drop", {"securityContext": {"capabilities": {"drop": ["@0"]}}}, of('"A%"')),
    container("resources", {"resources": {"limits": {"@0": 0}}}, members('"a%":1')),
    container("volume-mounts", {"volumeMounts": ["@0"]}, of('{"name":"v%","mountPath":"/%"}')),
    container("volume-mounts-aws", {"volumeMounts": ["@0"]}, of('{"mountPath":"/%/.aws/credentials"}')),
    container("mount-path-long", {"volumeMounts": [{"mountPath": "/@0.aws/credentials"}]}, text("a%/")),
    workload("volumes-host-path", {"volumes": ["@0"]}, of('{"hostPath":{"path":"/%"}}')),
    workload("volumes-named-host-path", {"volumes": ["@0"]}, of('{"name":"v%","hostPath":{"path":"/%"}}')),
    workload("volumes-config-map", {"volumes": ["@0"]}, of('{"name":"v%","configMap":{"name":"c%"}}')),
    workload("volumes-image", {"volumes": ["@0"]}, of('{"name":"v%","image":{"reference":"a%"}}')),
    workload("volumes-secret", {"volumes": ["@0"]}, of('{"name":"v%","secret":{}}')),
    workload("volumes-projected", {"volumes": ["@0"]}, of('{"projected":{"sources":[{"configMap":{"name":"c%"}}]}}')),
    workload(
        "mounts-by-config-maps", {"containers": [APP | {"volumeMounts": ["@0"]}], "volumes": ["@1"]},
        of('{"name":"v%","mountPath":"/%"}'), of('{"name":"v%","configMap":{"name":"c%"}}'),
    ),
    workload(
        "mounts-of-one-config-map",
        {"containers": [APP | {"volumeMounts": ["@0"]}], "volumes": [{"name": "v", "configMap": {"name": "c"}}]},
        of('{"name":"v","mountPath":"/%"}'),
    ),
    workload(
        "mounts-by-secrets", {"containers": [APP | {"volumeMounts": ["@0"]}], "volumes": ["@1"]},
        of('{"name":"v%","mountPath":"/%/.aws"}'), of('{"name":"v%","secret":{}}'),
    ),
    workload(
        "projected-config-maps", {"volumes": [{"name": "v", "projected": {"sources": ["@0"]}}]},
        of('{"configMap":{"name":"c%"}}'),
    ),
    workload(
        "projected-tokens", {"volumes": [{"name": "v", "projected": {"sources": ["@0"]}}]},
        of('{"serviceAccountToken":{"path":"p%","expirationSeconds":9999999}}'),
    ),
    workload("sysctls", {"securityContext": {"sysctls": ["@0"]}}, of('{"name":"a%","value":"1"}')),
    workload("host-aliases", {"hostAliases": ["@0"]}, of('{"ip":"10.0.0.1","hostnames":["a%"]}')),
    workload("unknown-fields", {"@0": 0}, members('"a%":0')),
]

PLACEMENT = [
    workload("tolerations", {"tolerations": ["@0"]}, of('{"key":"CriticalAddonsOnly","value":"v%"}')),
    workload("tolerations-blanket", {"tolerations": ["@0"]}, of('{"operator":"Exists"}')),
    workload("tolerations-plain", {"tolerations": ["@0"]}, of('{"key":"k%"}')),
    workload("spread-constraints", {"topologySpreadConstraints": ["@0"]}, of('{"topologyKey":"' + ZONE + '"}')),
    workload("spread-others", {"topologySpreadConstraints": ["@0"]}, of('{"topologyKey":"k%"}')),
    workload(
        "spread-labels", {"topologySpreadConstraints": [SPREAD | {"labelSelector": {"matchLabels": {"@0": 0}}}]},
        members('"k%":"v"'),
    ),
    workload(
        "spread-expressions", {"topologySpreadConstraints": [SPREAD | {"labelSelector": {"matchExpressions": ["@0"]}}]},
        of('{"key":"app","operator":"NotIn","values":["v%"]}'),
    ),
    workload(
        "spread-values",
        {
            "topologySpreadConstraints": [
                SPREAD | {"labelSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["@0"]}]}}
            ]
        },
        of('"v%"'),
    ),
    workload("node-selector", {"nodeSelector": {"@0": 0}}, members('"k%":"v"')),
    workload("affinity-terms", node_affinity(["@0"]), of('{"matchExpressions":[' + SPOT + "]}")),
    workload(
        "affinity-base", node_affinity(["@0"]), of('{"matchExpressions":[{"key":"node-group","operator":"In","values":["base"]}]}')
    ),
    workload("affinity-expressions", node_affinity([{"matchExpressions": ["@0"]}]), of(SPOT)),
    workload(
        "affinity-values",
        node_affinity([{"matchExpressions": [{"key": "node-group", "operator": "In", "values": ["@0", "base"]}]}]),
        of('"v%"'),
    ),
    workload(
        "affinity-preferred", node_affinity(["@0"], "preferredDuringSchedulingIgnoredDuringExecution"),
        of('{"preference":{"matchExpressions":[{"key":"node-group","operator":"Exists"}]}}'),
    ),
]

METADATA = [
    workload("labels-template", {}, members('"k%":"v"'), metadata={"labels": {"@0": 0}}),
    workload("labels-selector", {}, members('"k%":"v"'), spec={"selector": {"matchLabels": {"@0": 0}}}),
    workload("labels", {}, members('"k%":"v"'), own={"labels": {"@0": 0}}),
    workload("annotations", {}, members('"k%":"v"'), own={"annotations": {"@0": 0}}),
    workload("annotations-secrets", {}, members('"k%":"postgres://u:hunter%x@h"'), own={"annotations": {"@0": 0}}),
    workload("annotations-template", {}, members('"k%":"postgres://u:hunter%x@h"'), metadata={"annotations": {"@0": 0}}),
    workload("owner-references", {}, of('{"apiVersion":"a.b/v1","kind":"K%","name":"n","uid":"u"}'), own={"ownerReferences": ["@0"]}),
    workload("finalizers", {}, of('"f%"'), own={"finalizers": ["@0"]}),
    workload("managed-fields", {}, of('{"manager":"m%","operation":"Apply"}'), own={"managedFields": ["@0"]}, spec={"replicas": 1}),
    workload(
        "last-applied", {}, text('"k%":0,'), spec={"replicas": 1},
        own={"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{@0}"}},
    ),
]


def exempt(name, word, reason="reason"):
    """Returns a workload with one violating container for every 240 bytes of an exempt annotation that names no rule."""
    annotations = {"playbook.superinc.com/exempt": "@0", "playbook.superinc.com/exempt-" + reason: "one licence"}
    return workload(
        name, {"containers": ["@1"]}, text(word * 20), of('{"name":"c%"}'), own={"annotations": annotations}, most=2 * MOST
    )


EXEMPTIONS = [
    exempt("exempt-unknown", "bogus-rul%,"),
    exempt("exempt-known", "cpu-request,"),
    exempt("exempt-security", "inline-credentials,"),
    exempt("exempt-stars", "*,"),
    exempt("exempt-without-reason", "bogus-rul%,", reason="until"),
    Shape(
        "exempt-namespace", "v1/Namespace",
        {"metadata": {"annotations": {"playbook.superinc.com/exempt": "@0", "playbook.superinc.com/exempt-reason": "r"}}},
        text("bogus-rule-%,"), namespace="",
    ),
    workload(
        "exempt-long-name", {}, text("x%"),
        own={"annotations": {"playbook.superinc.com/exempt": "@0", "playbook.superinc.com/exempt-reason": "r"}},
    ),
]

SHAPES = CONTAINERS + ENVIRONMENT + FIELDS + PLACEMENT + METADATA + EXEMPTIONS
