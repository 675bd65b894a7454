import Evaluation

private let labelled = ["PLAYBOOK_BASE_NODE_LABELS": "eks.amazonaws.com/nodegroup=base,node-role/base"]

private func required(_ expression: String) -> String {
    """
    affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [\(expression)]}]}}}
    """
}

private let requiredPath =
    "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions"
private let preferredPath =
    "affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions"

/// The examples of `base-node-group`.
let baseNodeExamples: [Example] = [
    .good(
        "a toleration of another taint",
        "tolerations: [{key: dedicated, operator: Equal, value: gpu, effect: NoSchedule}]"),
    .bad(
        "a toleration by key", BaseNodeClause.toleration, at: "tolerations[CriticalAddonsOnly]",
        "tolerations: [{key: CriticalAddonsOnly, operator: Exists}]"),
    .bad(
        "a toleration by key and value", BaseNodeClause.toleration, at: "tolerations[CriticalAddonsOnly]",
        "tolerations: [{key: CriticalAddonsOnly, value: 'true', effect: NoSchedule}]"),
    .bad(
        "a NoExecute toleration by key", BaseNodeClause.toleration, at: "tolerations[CriticalAddonsOnly]",
        "tolerations: [{key: CriticalAddonsOnly, operator: Exists, effect: NoExecute}]"),
    .bad(
        "a toleration of every taint", BaseNodeClause.blanket, at: "tolerations[0]", "tolerations: [{operator: Exists}]"
    ),
    .bad(
        "a toleration of every NoSchedule taint", BaseNodeClause.blanket, at: "tolerations[0]",
        "tolerations: [{key: '', operator: Exists, effect: NoSchedule}]"),
    .bad(
        "an additional toleration", BaseNodeClause.blanket, at: "tolerations[1]",
        "tolerations: [{key: dedicated, operator: Exists}, {operator: Exists}]",
        before: "tolerations: [{key: dedicated, operator: Exists}]"),
    .good(
        "a NoExecute toleration of every taint",
        "tolerations: [{operator: Exists, effect: NoExecute, tolerationSeconds: 30}]"),
    .good(
        "a PreferNoSchedule toleration of every taint", "tolerations: [{operator: Exists, effect: PreferNoSchedule}]"),
    .good(
        "a toleration of every taint, with no base node taints", "tolerations: [{operator: Exists}]",
        settings: ["PLAYBOOK_BASE_NODE_TAINTS": ""]),
    .bad(
        "a toleration of a configured taint", BaseNodeClause.toleration, at: "tolerations[dedicated]",
        "tolerations: [{key: dedicated, value: base, effect: NoSchedule}]",
        settings: ["PLAYBOOK_BASE_NODE_TAINTS": "dedicated=base:NoSchedule"]),
    .good(
        "a toleration of another value of a configured taint",
        "tolerations: [{key: dedicated, value: gpu, effect: NoSchedule}]",
        settings: ["PLAYBOOK_BASE_NODE_TAINTS": "dedicated=base:NoSchedule"]),
    .good(
        "a toleration of another effect than the configured taint's",
        "tolerations: [{operator: Exists, effect: NoSchedule}]",
        settings: ["PLAYBOOK_BASE_NODE_TAINTS": "dedicated=base:NoExecute"]),
    .bad(
        "a node selector with a label of the base node group", BaseNodeClause.selector,
        at: "nodeSelector[eks.amazonaws.com/nodegroup]",
        "nodeSelector: {eks.amazonaws.com/nodegroup: base}", settings: labelled),
    .good(
        "a node selector with a label of another group", "nodeSelector: {eks.amazonaws.com/nodegroup: gpu}",
        settings: labelled),
    .good("a node selector, with no base node labels", "nodeSelector: {eks.amazonaws.com/nodegroup: base}"),
    .bad(
        "a required node affinity for a value of the label", BaseNodeClause.affinity,
        at: requiredPath + "[eks.amazonaws.com/nodegroup]",
        required("{key: eks.amazonaws.com/nodegroup, operator: In, values: [base, gpu]}"), settings: labelled),
    .bad(
        "a required node affinity for any value of the label", BaseNodeClause.affinity,
        at: requiredPath + "[node-role/base]",
        required("{key: node-role/base, operator: Exists}"), settings: labelled),
    .bad(
        "a preferred node affinity", BaseNodeClause.affinity, at: preferredPath + "[node-role/base]",
        """
        affinity:
          nodeAffinity:
            preferredDuringSchedulingIgnoredDuringExecution:
            - {weight: 1, preference: {matchExpressions: [{key: node-role/base, operator: In, values: ["", "true"]}]}}
        """, settings: labelled),
    .good(
        "a node affinity that excludes the base node group",
        required("{key: eks.amazonaws.com/nodegroup, operator: NotIn, values: [base]}"),
        settings: labelled),
    .good(
        "a DaemonSet can tolerate every taint",
        """
        apiVersion: apps/v1
        kind: DaemonSet
        metadata: {name: agent, namespace: shop}
        spec:
          selector: {matchLabels: {app: agent}}
          template:
            metadata: {labels: {app: agent}}
            spec:
              tolerations: [{operator: Exists}]
              securityContext: {runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001}
              containers: [{name: agent}]
        """),
]
