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
    .good("a taint of its own", "tolerations: [{key: dedicated, operator: Equal, value: gpu, effect: NoSchedule}]"),
    .bad(
        "by name", BaseNodeClause.toleration, at: "tolerations[CriticalAddonsOnly]",
        "tolerations: [{key: CriticalAddonsOnly, operator: Exists}]"),
    .bad(
        "by name and value", BaseNodeClause.toleration, at: "tolerations[CriticalAddonsOnly]",
        "tolerations: [{key: CriticalAddonsOnly, value: 'true', effect: NoSchedule}]"),
    .bad(
        "by name, for pods that run there already", BaseNodeClause.toleration, at: "tolerations[CriticalAddonsOnly]",
        "tolerations: [{key: CriticalAddonsOnly, operator: Exists, effect: NoExecute}]"),
    .bad("for every taint", BaseNodeClause.blanket, at: "tolerations[0]", "tolerations: [{operator: Exists}]"),
    .bad(
        "for every taint that keeps pods off", BaseNodeClause.blanket, at: "tolerations[0]",
        "tolerations: [{key: '', operator: Exists, effect: NoSchedule}]"),
    .bad(
        "one more than before", BaseNodeClause.blanket, at: "tolerations[1]",
        "tolerations: [{key: dedicated, operator: Exists}, {operator: Exists}]",
        before: "tolerations: [{key: dedicated, operator: Exists}]"),
    .good(
        "staying when a node fails", "tolerations: [{operator: Exists, effect: NoExecute, tolerationSeconds: 30}]"),
    .good("not even wishing", "tolerations: [{operator: Exists, effect: PreferNoSchedule}]"),
    .good(
        "every taint, where the base node group has none", "tolerations: [{operator: Exists}]",
        settings: ["PLAYBOOK_BASE_NODE_TAINTS": ""]),
    .bad(
        "a taint of the team's", BaseNodeClause.toleration, at: "tolerations[dedicated]",
        "tolerations: [{key: dedicated, value: base, effect: NoSchedule}]",
        settings: ["PLAYBOOK_BASE_NODE_TAINTS": "dedicated=base:NoSchedule"]),
    .good(
        "another value of it", "tolerations: [{key: dedicated, value: gpu, effect: NoSchedule}]",
        settings: ["PLAYBOOK_BASE_NODE_TAINTS": "dedicated=base:NoSchedule"]),
    .good(
        "another effect of it", "tolerations: [{operator: Exists, effect: NoSchedule}]",
        settings: ["PLAYBOOK_BASE_NODE_TAINTS": "dedicated=base:NoExecute"]),
    .bad(
        "its label", BaseNodeClause.selector, at: "nodeSelector[eks.amazonaws.com/nodegroup]",
        "nodeSelector: {eks.amazonaws.com/nodegroup: base}", settings: labelled),
    .good("another group's label", "nodeSelector: {eks.amazonaws.com/nodegroup: gpu}", settings: labelled),
    .good("a label that nobody has said is the base group's", "nodeSelector: {eks.amazonaws.com/nodegroup: base}"),
    .bad(
        "one of its labels is required", BaseNodeClause.affinity, at: requiredPath + "[eks.amazonaws.com/nodegroup]",
        required("{key: eks.amazonaws.com/nodegroup, operator: In, values: [base, gpu]}"), settings: labelled),
    .bad(
        "a label of it, whatever its value", BaseNodeClause.affinity, at: requiredPath + "[node-role/base]",
        required("{key: node-role/base, operator: Exists}"), settings: labelled),
    .bad(
        "it is wished for", BaseNodeClause.affinity, at: preferredPath + "[node-role/base]",
        """
        affinity:
          nodeAffinity:
            preferredDuringSchedulingIgnoredDuringExecution:
            - {weight: 1, preference: {matchExpressions: [{key: node-role/base, operator: In, values: ["", "true"]}]}}
        """, settings: labelled),
    .good(
        "anywhere else", required("{key: eks.amazonaws.com/nodegroup, operator: NotIn, values: [base]}"),
        settings: labelled),
    .good(
        "an agent runs on every node",
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
