import JSON
import Kubernetes

/// The settings of the rules about the cloud around the cluster.
public struct CloudSettings: Sendable {
}

extension Setting {
    static let cloudRules: [Setting] = []
}

extension Companions {
    /// What is kept of the objects that these rules look up.
    static let cloudProjections: [ResourceKind: Projection] = [:]
}
