import JSON
import Kubernetes

/// The settings of the rules about traffic, nodes and storage.
public struct TrafficSettings: Sendable {
    /// The value of `PLAYBOOK_MAX_PORT_RANGE`.
    public internal(set) var maximumPortRange = 100
}

extension Setting {
    static let trafficRules: [Setting] = [
        .integer(
            "PLAYBOOK_MAX_PORT_RANGE", .rules, 1...65536, \.traffic.maximumPortRange,
            "The most ports that one entry of a NetworkPolicy opens.")
    ]
}

extension Companions {
    /// What is kept of the objects that these rules look up.
    static let trafficProjections: [ResourceKind: Projection] = [
        // Looked up by its name alone.
        .service: { _ in [:] },
        .networkPolicy: { (object) throws(CannotJudge) in
            guard let selector = try object.object("spec")?.object("podSelector") else { return [:] }
            _ = try LabelSelector(selector)
            return ["selector": Literal(selector)]
        },
    ]
}
