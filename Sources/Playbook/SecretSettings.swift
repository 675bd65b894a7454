import JSON
import Kubernetes

/// The settings of the rules about secrets and identity.
public struct SecretSettings: Sendable {
}

extension Setting {
    static let secretRules: [Setting] = []
}

extension Companions {
    /// What is kept of the objects that these rules look up.
    static let secretProjections: [ResourceKind: Projection] = [:]
}
