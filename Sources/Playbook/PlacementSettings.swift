import JSON
import Kubernetes

/// The settings of the rules about availability and placement.
public struct PlacementSettings: Sendable {
    /// The value of `PLAYBOOK_SCHEDULERS`.
    public internal(set) var schedulers = ["default-scheduler", "fargate-scheduler"]
}

extension Setting {
    static let placementRules: [Setting] = [
        .list("PLAYBOOK_SCHEDULERS", .rules, "names", \.placement.schedulers, "Schedulers that pods may name.")
    ]
}

extension Companions {
    /// What is kept of the objects that these rules look up.
    static let placementProjections: [ResourceKind: Projection] = [
        // No rule reads it yet but as being there.
        .limitRange: { _ in [:] }
    ]
}
