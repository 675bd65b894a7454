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
    static let secretProjections: [ResourceKind: Projection] = [
        // The names of its keys, and nothing of what they hold.
        .secret: { (object) throws(CannotJudge) in
            var keys: [Literal] = []
            for data in [try object.object("data"), try object.object("stringData")] {
                for entry in data?.uniqueMembers ?? [] { keys.append(.string(entry.key)) }
            }
            return ["keys": .array(keys)]
        }
    ]
}
