package import JSON
package import Kubernetes

/// A resource by whose use an autoscaler chooses the number of replicas.
package struct ScaledResource: Sendable, Equatable {
    /// The resources that the API measures by itself.
    package enum Name: String, Sendable {
        case cpu, memory
    }

    /// The resource.
    package let name: Name
    /// The container whose use counts; nil for that of the whole pod.
    package let container: String?
    /// Whether the target is a share of what the containers request.
    package let isUtilization: Bool
    /// Its place among the metrics, or triggers; nil where it has no entry of its own there.
    package let index: Int?

    /// What a HorizontalPodAutoscaler or ScaledObject scales by, as far as it is CPU or memory.
    package static func all(in spec: Value?, _ kind: ResourceKind) throws(CannotJudge) -> [ScaledResource] {
        var result: [ScaledResource] = []
        if kind == .scaledObject {
            guard let triggers = try spec?.objects("triggers") else { return [] }
            for (index, trigger) in triggers.enumerated() {
                try ScaledResource(trigger: trigger, index).map { result.append($0) }
            }
            return result
        }
        guard let metrics = try spec?.objects("metrics"), !metrics.isEmpty else {
            // The default of autoscaling/v2, and the only thing that autoscaling/v1 scales by: a share of the CPU requests.
            return [ScaledResource(name: .cpu, container: nil, isUtilization: true, index: nil)]
        }
        for (index, metric) in metrics.enumerated() {
            try ScaledResource(metric: metric, index).map { result.append($0) }
        }
        return result
    }

    private init(name: Name, container: String?, isUtilization: Bool, index: Int?) {
        self.name = name
        self.container = container
        self.isUtilization = isUtilization
        self.index = index
    }

    private init?(metric: Value, _ index: Int) throws(CannotJudge) {
        let isPerContainer = metric["type"]?.equals("ContainerResource") ?? false
        guard let source = try metric.object(isPerContainer ? "containerResource" : "resource"),
            let name = try source.string("name").flatMap({ Name(rawValue: $0) })
        else { return nil }
        self.name = name
        container = isPerContainer ? try source.string("container") : nil
        isUtilization = try source.object("target")?.text("type")?.equals("Utilization") ?? false
        self.index = index
    }

    private init?(trigger: Value, _ index: Int) throws(CannotJudge) {
        guard let name = try trigger.string("type").flatMap({ Name(rawValue: $0) }) else { return nil }
        let metadata = try trigger.object("metadata")
        self.name = name
        container = try metadata?.string("containerName").flatMap { $0.isEmpty ? nil : $0 }
        // KEDA has moved the type of the target out of `metadata`, and reads it in both places.
        var type = try trigger.text("metricType")
        if type == nil { type = try metadata?.text("type") }
        isUtilization = type?.equals("Utilization") ?? false
        self.index = index
    }
}
