package import JSON
package import Kubernetes

/// A CPU or memory metric of an autoscaler.
package struct ScaledResource: Sendable, Equatable {
    /// The resources that the resource metrics API measures.
    package enum Name: String, Sendable {
        case cpu, memory
    }

    /// The resource.
    package let name: Name
    /// The container whose usage is measured; nil for the whole pod.
    package let container: String?
    /// True if the target is a percentage of the containers' requests.
    package let isUtilization: Bool
    /// The index among the metrics or triggers; nil for the default metric, which has no entry.
    package let index: Int?

    /// Returns the CPU and memory metrics of a HorizontalPodAutoscaler or ScaledObject.
    package static func all(in spec: Value?, _ kind: ResourceKind) throws(CannotEvaluate) -> [ScaledResource] {
        var result: [ScaledResource] = []
        if kind == .scaledObject {
            guard let triggers = try spec?.objects("triggers") else { return [] }
            for (index, trigger) in triggers.enumerated() {
                try ScaledResource(trigger: trigger, index).map { result.append($0) }
            }
            return result
        }
        guard let metrics = try spec?.objects("metrics"), !metrics.isEmpty else {
            // The default of autoscaling/v2 and the only metric of autoscaling/v1: a percentage of the CPU requests.
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

    private init?(metric: Value, _ index: Int) throws(CannotEvaluate) {
        let isPerContainer = metric["type"]?.equals("ContainerResource") ?? false
        guard let source = try metric.object(isPerContainer ? "containerResource" : "resource"),
            let name = try source.string("name").flatMap({ Name(rawValue: $0) })
        else { return nil }
        self.name = name
        container = isPerContainer ? try source.string("container") : nil
        isUtilization = try source.object("target")?.text("type")?.equals("Utilization") ?? false
        self.index = index
    }

    private init?(trigger: Value, _ index: Int) throws(CannotEvaluate) {
        guard let name = try trigger.string("type").flatMap({ Name(rawValue: $0) }) else { return nil }
        let metadata = try trigger.object("metadata")
        self.name = name
        container = try metadata?.string("containerName").flatMap { $0.isEmpty ? nil : $0 }
        // KEDA moved the type of the target out of `metadata` and reads it in both places.
        var type = try trigger.text("metricType")
        if type == nil { type = try metadata?.text("type") }
        isUtilization = type?.equals("Utilization") ?? false
        self.index = index
    }
}
