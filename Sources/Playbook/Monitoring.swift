import JSON
import Kubernetes

extension Companions {
    /// What is kept of the monitors of Prometheus' operator.
    static let monitorProjections: [ResourceKind: Projection] = [.podMonitor: monitor, .serviceMonitor: monitor]

    /// What a monitor selects, and in which namespaces: `true` for all of them, names, or its own where nothing is said.
    private static let monitor: Projection = { (object) throws(CannotJudge) in
        guard let spec = try object.object("spec") else { return [:] }
        var fields: [Literal.Member] = []
        if let selector = try spec.object("selector") {
            _ = try LabelSelector(selector)
            fields.append(.init("selector", Literal(selector)))
        }
        if let namespaces = try spec.object("namespaceSelector") {
            if try namespaces.boolean("any") == true {
                fields.append(.init("namespaces", true))
            } else if let names = try namespaces.array("matchNames") {
                fields.append(.init("namespaces", Literal(names)))
            }
        }
        return .object(fields)
    }
}
