import JSON
import Kubernetes

/// The settings of the rules about traffic, nodes and storage.
public struct TrafficSettings: Sendable {
}

extension Setting {
    static let trafficRules: [Setting] = []
}

extension Companions {
    /// What is kept of the objects that these rules look up.
    static let trafficProjections: [ResourceKind: Projection] = [:]
}
