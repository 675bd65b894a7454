"""Hostile objects: RBAC, autoscaling, nodes, storage, and AWS resources managed through ACK."""

import itertools

from shape import Map, Shape, members, of, text

RBAC = "rbac.authorization.k8s.io/v1"
EC2 = "ec2.services.k8s.aws/v1alpha1"
EVERYBODY = '{"cidrIP":"0.0.0.0/0"}'


def shape(name, kind, spec, *parts, **other):
    return Shape(name, kind, {"spec": spec}, *parts, **other)


def spellings(word):
    """Returns all combinations of upper and lower case of a word."""
    return ["".join(letters) for letters in itertools.product(*((c.lower(), c.upper()) for c in word))]


ENCRYPTED, KMS_KEY_ID = spellings("encrypted"), spellings("kmskeyid")
ALL = '"verbs":["*"],"resources":["*"]'


def binding(name, role, entry):
    body = {"roleRef": {"kind": "ClusterRole", "name": role}, "subjects": ["@0"]}
    return Shape(name, RBAC + "/ClusterRoleBinding", body, of(entry), namespace="")


def role(name, rules, *parts):
    return Shape(name, RBAC + "/ClusterRole", {"rules": rules}, *parts, namespace="")


RIGHTS = [
    role("role-rules", ["@0"], of("{" + ALL + "}")),
    role("role-rules-groups", ["@0"], of('{"apiGroups":["g%"],' + ALL + "}")),
    role("role-verbs", [{"verbs": ["@0", "*"], "resources": ["*"]}], of('"v%"')),
    role("role-resources", [{"verbs": ["*"], "resources": ["@0", "*"]}], of('"r%"')),
    role("role-groups", [{"verbs": ["*"], "resources": ["*"], "apiGroups": ["@0"]}], of('"g%"')),
    role("role-names", [{"verbs": ["*"], "resources": ["*"], "resourceNames": ["@0"]}], of('"n%"')),
    Shape("role", RBAC + "/Role", {"rules": ["@0"]}, of("{" + ALL + "}")),
    binding("subjects-admin", "cluster-admin", '{"kind":"User","name":"u%"}'),
    binding("subjects-accounts", "cluster-admin", '{"kind":"ServiceAccount","name":"s%"}'),
    binding("subjects-anonymous", "view", '{"kind":"Group","name":"system:anonymous"}'),
    binding("subjects-both", "cluster-admin", '{"kind":"Group","name":"system:authenticated"}'),
    Shape(
        "token-audiences", "authentication.k8s.io/v1/TokenRequest",
        {"spec": {"expirationSeconds": 9999999, "audiences": ["@0"]}}, of('"a%"'), subresource="token",
    ),
    Shape("account-annotations", "v1/ServiceAccount", {"metadata": {"annotations": {"@0": 0}}}, members('"k%":"v"')),
    Shape(
        "account-role", "v1/ServiceAccount", {"metadata": {"annotations": {"eks.amazonaws.com/role-arn": "@0"}}}, text("a%:")
    ),
]

SCALING = [
    shape("pdb-expressions", "policy/v1/PodDisruptionBudget", {"selector": {"matchExpressions": ["@0"]}}, of('{"key":"k%","operator":"Exists"}')),
    shape("pdb-labels", "policy/v1/PodDisruptionBudget", {"selector": {"matchLabels": {"@0": 0}}}, members('"k%":"v"')),
    shape(
        "hpa-metrics", "autoscaling/v2/HorizontalPodAutoscaler",
        {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "metrics": ["@0"]},
        of('{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization"}}}'),
    ),
    shape(
        "scaled-object-triggers", "keda.sh/v1alpha1/ScaledObject", {"scaleTargetRef": {"name": "web"}, "triggers": ["@0"]},
        of('{"type":"cpu","metricType":"Utilization"}'),
    ),
    shape(
        "vpa-policies", "autoscaling.k8s.io/v1/VerticalPodAutoscaler",
        {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "resourcePolicy": {"containerPolicies": ["@0"]},
        },
        of('{"containerName":"c%","controlledResources":["cpu"]}'),
    ),
    shape("limit-range", "v1/LimitRange", {"limits": ["@0"]}, of('{"type":"Container","default":{"cpu":"1"},"min":{"memory":"1"}}')),
    shape(
        "limit-range-members", "v1/LimitRange", {"limits": [{"type": "Container", "default": {"@0": 0}, "min": {"memory": "1"}}]},
        members('"k%":"1"'),
    ),
    shape("quota", "v1/ResourceQuota", {"hard": {"@0": 0, "limits.cpu": "1"}}, members('"k%":"1"')),
]

NODES = [
    shape(
        "node-requirements", "karpenter.sh/v1/NodePool", {"template": {"spec": {"requirements": ["@0"]}}},
        of('{"key":"kubernetes.io/arch","operator":"In","values":["a","b"]}'), namespace="",
    ),
    shape(
        "node-architectures", "karpenter.sh/v1/NodePool",
        {"template": {"spec": {"requirements": [{"key": "kubernetes.io/arch", "operator": "In", "values": ["@0"]}]}}},
        of('"a%"'), namespace="",
    ),
    shape(
        "node-architectures-twice", "karpenter.sh/v1/NodePool",
        {
            "template": {
                "spec": {
                    "requirements": [
                        {"key": "kubernetes.io/arch", "operator": "In", "values": ["@0"]},
                        {"key": "kubernetes.io/arch", "operator": "In", "values": ["@1"]},
                    ]
                }
            }
        },
        of('"a%"'), of('"b%"'), namespace="",
    ),
    shape("node-budgets", "karpenter.sh/v1/NodePool", {"disruption": {"budgets": ["@0"]}}, of('{"nodes":"0"}'), namespace=""),
    shape(
        "node-reasons", "karpenter.sh/v1/NodePool", {"disruption": {"budgets": [{"nodes": "0", "reasons": ["@0"]}]}},
        of('"r%"'), namespace="",
    ),
    shape("node-taints", "karpenter.sh/v1/NodePool", {"template": {"spec": {"taints": ["@0"]}}}, of('{"key":"k%"}'), namespace=""),
    shape("block-devices", "karpenter.k8s.aws/v1/EC2NodeClass", {"blockDeviceMappings": ["@0"]}, of('{"ebs":{}}'), namespace=""),
    Shape(
        "storage-parameters", "storage.k8s.io/v1/StorageClass", {"provisioner": "ebs.csi.aws.com", "parameters": {"@0": 0}},
        members('"k%":"v"'), namespace="",
    ),
    Shape(
        "storage-spellings", "storage.k8s.io/v1/StorageClass", {"provisioner": "ebs.csi.aws.com", "parameters": {"@0": 0}},
        (Map, lambda i: f'"{(ENCRYPTED + KMS_KEY_ID)[i % 768]}":"n{i}"'), namespace="",
    ),
]

STATEMENT = '{"Effect":"Allow","Principal":{"AWS":"r%"},"Action":"kms:*"},'
TAIL = '{"Effect":"Allow","Principal":"*","Action":"kms:*"}'


def policy(name, content, *parts):
    return shape(name, "kms.services.k8s.aws/v1alpha1/Key", {"policy": '{"Statement":[' + content + "]}"}, *parts)


AWS = [
    policy("key-statements", "@0" + TAIL, text(STATEMENT)),
    policy("key-statements-open", "@0" + TAIL, text(TAIL + ",")),
    policy("key-principals", '{"Effect":"Allow","Principal":{"AWS":[@0"b"]},"Action":"kms:*"}', text('"a%",')),
    policy("key-actions", '{"Effect":"Allow","Principal":"a","Action":[@0"b"]}', text('"kms:a%",')),
    policy("key-action-stars", '{"Effect":"Allow","Principal":"a","Action":"kms:@0"}', text("*a")),
    policy("key-brackets", "@0", text("[")),
    shape("group-rules", EC2 + "/SecurityGroup", {"ingressRules": ["@0"]}, of('{"ipRanges":[' + EVERYBODY + "]}")),
    shape("group-ports", EC2 + "/SecurityGroup", {"ingressRules": ["@0"]}, of('{"ipProtocol":"tcp","fromPort":%}')),
    shape("group-ranges", EC2 + "/SecurityGroup", {"ingressRules": [{"ipRanges": ["@0"]}]}, of(EVERYBODY)),
    shape(
        "group-pairs", EC2 + "/SecurityGroup", {"ingressRules": [{"ipProtocol": "-1", "userIDGroupPairs": ["@0"]}]},
        of('{"groupID":"g%"}'),
    ),
    shape("route-table", EC2 + "/RouteTable", {"routes": ["@0"]}, of('{"destinationCIDRBlock":"0.0.0.0/0"}'), kubernetes_name="isolated"),
    shape("subnet-tags", EC2 + "/Subnet", {"cidrBlock": "10.0.0.0/8", "tags": ["@0"]}, of('{"key":"k%"}')),
    shape("subnet-name", EC2 + "/Subnet", {"cidrBlock": "10.0.0.0/8", "tags": [{"key": "Name", "value": "@0"}]}, text("a%-")),
    shape("subnet-tables", EC2 + "/Subnet", {"routeTableRefs": ["@0"]}, of('{"from":{"name":"t%"}}'), kubernetes_name="isolated"),
    shape("endpoint-tables", EC2 + "/VPCEndpoint", {"routeTableRefs": [], "tags": ["@0"]}, of('{"key":"k%"}')),
    shape(
        "cluster-addresses", "eks.services.k8s.aws/v1alpha1/Cluster", {"resourcesVPCConfig": {"publicAccessCIDRs": ["@0", "0.0.0.0/0"]}},
        of('"10.0.0.%/32"'),
    ),
    shape("nodegroup-taints", "eks.services.k8s.aws/v1alpha1/Nodegroup", {"taints": ["@0"]}, of('{"key":"k%"}')),
    shape(
        "addon-values", "eks.services.k8s.aws/v1alpha1/Addon", {"name": "vpc-cni", "configurationValues": "@0"},
        text("ENABLE_PREFIX_DELEGATION:"),
    ),
    shape("repository-policy", "ecr.services.k8s.aws/v1alpha1/Repository", {"lifecyclePolicy": "{@0}"}, text('"k%":0,')),
    shape("record-set", "route53.services.k8s.aws/v1alpha1/RecordSet", {"recordType": "CNAME", "resourceRecords": ["@0"]}, of('{"value":"v%"}')),
    shape("zone-name", "route53.services.k8s.aws/v1alpha1/HostedZone", {"name": "@0"}, text("a%.")),
    shape(
        "listener-actions", "elbv2.services.k8s.aws/v1alpha1/Listener", {"protocol": "HTTP", "defaultActions": ["@0"]},
        of('{"type":"redirect","redirectConfig":{"protocol":"HTTPS"}}'),
    ),
    shape("key-id", "rds.services.k8s.aws/v1alpha1/DBInstance", {"storageEncrypted": True, "kmsKeyID": "@0"}, text("alias/aws/")),
]

SHAPES = RIGHTS + SCALING + NODES + AWS
