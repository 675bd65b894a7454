import JSON
package import Kubernetes

/// A monitor that selects objects in other namespaces.
///
/// These monitors are stored separately from namespaces, so that a lookup for a workload does not search all namespaces.
struct CrossNamespaceMonitor: RelatedRecord {
    let monitor: RelatedObject

    static let kinds = ResourceKinds(.podMonitor, .serviceMonitor)

    var kind: ResourceKind { monitor.kind }
    var name: String { CrossNamespaceMonitor.name(monitor.name, monitor.namespace) }
    var indexKeys: IndexKeys { monitor.indexKeys }

    /// Returns a name that is unique among all namespaces.
    static func name(_ name: String, _ namespace: String) -> String { "\(namespace)/\(name)" }
}

extension RelatedObject {
    /// True if the object is a monitor that selects objects in other namespaces.
    var isCrossNamespaceMonitor: Bool {
        guard CrossNamespaceMonitor.kinds.contains(kind) else { return false }
        if self[.isForAllNamespaces] ?? false { return true }
        return self[.namespaces]?.contains { $0 != namespace } ?? false
    }

    /// True if a monitor selects objects with these labels in a namespace.
    func monitors(_ labels: Labels, in other: String) -> Bool {
        let reaches = self[.isForAllNamespaces] ?? self[.namespaces]?.contains(other) ?? (namespace == other)
        return reaches && self[.selector]?.matches(labels) ?? false
    }
}

extension RelatedObjects {
    /// True if a known monitor of a kind selects objects with these labels in a namespace.
    package func isMonitored(by kind: ResourceKind, _ labels: Labels, in namespace: String) -> Bool {
        noteMonitors(of: kind, namespace)
        let keys = [RecordKey](labels.pairs)
        let own = holdings[namespace]?.objects[kind]?.candidates(underAnyOf: keys) ?? []
        if own.contains(where: { $0.monitors(labels, in: namespace) }) { return true }
        return crossNamespaceMonitors.candidates(underAnyOf: keys)
            .contains { $0.kind == kind && $0.monitor.monitors(labels, in: namespace) }
    }

    /// True if a known monitor of a kind can select objects in a namespace.
    package func mayHaveMonitors(of kind: ResourceKind, in namespace: String) -> Bool {
        noteMonitors(of: kind, namespace)
        return holdings[namespace]?.objects[kind] != nil || crossNamespaceMonitors.records.contains { $0.kind == kind }
    }

    private func noteMonitors(of kind: ResourceKind, _ namespace: String) {
        guard let observer else { return }
        observer.note(kind, namespace, nil)
        for far in crossNamespaceMonitors.records where far.kind == kind {
            observer.note(kind, far.monitor.namespace, nil)
        }
    }
}

extension RelatedKind {
    package static let podMonitor = monitor(.podMonitor)
    package static let serviceMonitor = monitor(.serviceMonitor)

    /// Declares a monitor of the Prometheus Operator: its selector and its namespaces, by default only its own namespace.
    private static func monitor(_ kind: ResourceKind) -> RelatedKind {
        RelatedKind(kind, selecting: { [RecordKey]($0[.selector]?.labels ?? []) }) {
            (object, fields) throws(CannotEvaluate) in
            guard let spec = try object.object("spec") else { return }
            if let selector = try spec.object("selector") { fields[.selector] = try LabelSelector(selector) }
            guard let namespaces = try spec.object("namespaceSelector") else { return }
            if try namespaces.boolean("any") == true {
                fields[.isForAllNamespaces] = true
            } else {
                fields[.namespaces] = try namespaces.array("matchNames")?.elements.compactMap(\.string)
            }
        }
    }
}

extension RelatedField<LabelSelector> {
    /// The selector of Pods or Services.
    package static let selector = Self("selector")
}

extension RelatedField<[String]> {
    fileprivate static let namespaces = Self("namespaces")
}

extension RelatedField<Bool> {
    /// This field has the same name: a recording has `true` or a list.
    fileprivate static let isForAllNamespaces = Self("namespaces")
}
