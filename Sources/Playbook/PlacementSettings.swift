import JSON
import Kubernetes

/// The settings of the rules about availability and placement.
public struct PlacementSettings: Sendable {
    /// The value of `PLAYBOOK_SCHEDULERS`.
    public internal(set) var schedulers = ["default-scheduler", "fargate-scheduler"]
    /// The value of `PLAYBOOK_BASE_NODE_TAINTS`.
    var baseNodeTaints = [NodeTaint("CriticalAddonsOnly")].compactMap(\.self)
    /// The value of `PLAYBOOK_BASE_NODE_LABELS`.
    var baseNodeLabels: [NodeLabel] = []
}

extension Setting {
    static let placementRules: [Setting] = [
        .list("PLAYBOOK_SCHEDULERS", .rules, "names", \.placement.schedulers, "Schedulers that pods may name."),
        .parsedList(
            "PLAYBOOK_BASE_NODE_TAINTS", .rules, "taints", \.placement.baseNodeTaints,
            "Taints of the base node group, `key`, `key=value` or `key=value:effect`; where no effect is said it is `NoSchedule`."
        ) { (text) throws(Misplaced) in
            guard let taint = NodeTaint(text) else {
                throw Misplaced(expected: "a taint such as CriticalAddonsOnly or dedicated=base:NoSchedule")
            }
            return taint
        },
        .parsedList(
            "PLAYBOOK_BASE_NODE_LABELS", .rules, "labels", \.placement.baseNodeLabels,
            "Labels of the base node group's nodes, `key` or `key=value`, which no pod may ask for. Empty: none."
        ) { (text) throws(Misplaced) in
            guard let label = NodeLabel(text) else {
                throw Misplaced(expected: "a label such as eks.amazonaws.com/nodegroup=base")
            }
            return label
        },
    ]
}

extension Companions {
    /// What is kept of the objects that these rules look up.
    static let placementProjections: [ResourceKind: Projection] = [
        .limitRange: { (object) throws(CannotJudge) in ["cpu": .bool(try defaultsCPU(object))] },
        .verticalPodAutoscaler: VerticalScaling.projection,
        .securityGroupPolicy: securityGroupPolicy,
    ]

    /// Whether a LimitRange gives containers a CPU request that make none: the API server takes it from any of these.
    private static func defaultsCPU(_ range: Value) throws(CannotJudge) -> Bool {
        guard let items = try range.object("spec")?.objects("limits") else { return false }
        for item in items where item["type"]?.equals("Container") ?? false {
            for key in ["defaultRequest", "default", "max", "min"] as [StaticString] {
                if try item.object(key)?.present("cpu") != nil { return true }
            }
        }
        return false
    }
}
