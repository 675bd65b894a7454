import JSON
import Kubernetes

/// The settings of the rules about availability and placement.
public struct PlacementSettings: Sendable {
}

extension Setting {
    static let placementRules: [Setting] = []
}

extension Companions {
    /// What is kept of the objects that these rules look up.
    static let placementProjections: [ResourceKind: Projection] = [
        // No rule reads it yet but as being there.
        .limitRange: { _ in [:] }
    ]
}
