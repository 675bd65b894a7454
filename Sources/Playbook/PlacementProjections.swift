import JSON
import Kubernetes

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
