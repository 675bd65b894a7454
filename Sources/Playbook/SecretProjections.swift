import JSON
import Kubernetes

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
