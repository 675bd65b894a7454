package import Evaluation
package import Kubernetes

/// The kinds whose writes are read from a log, by their resource.
package struct LogKinds: Sendable {
    /// A kind that rules evaluate or read as a related object.
    package struct Entry: Sendable {
        package let kind: ResourceKind
        /// The name of the kind, as in an object.
        let kindName: String
        let group: String
        /// The ids of the rules that evaluate objects of the kind, or read them as related objects.
        package let rules: [String]
        /// True if a rule evaluates the deletion of an object.
        let isEvaluatedOnDelete: Bool

        /// The kind for people: `ConfigMap`, `HTTPRoute (gateway.networking.k8s.io)`.
        package var title: String { group.isEmpty ? kindName : "\(kindName) (\(group))" }
    }

    private var entries: [String: Entry] = [:]

    /// The kinds of the rules that are on.
    package init(_ settings: Settings) {
        let rules = settings.catalogue.rules.filter { settings.level(of: $0) != .off }
        for kind in ResourceKind.allCases.dropFirst() where kind != .scale {
            let evaluating = rules.filter { $0.scope.kinds.contains(kind) }
            let reading = rules.filter { $0.relatedObjects.contains(kind) }
            guard !evaluating.isEmpty || !reading.isEmpty || kind == .namespace else { continue }
            let entry = Entry(
                kind: kind, kindName: "\(kind.name)", group: "\(kind.group)",
                rules: rules.filter { rule in (evaluating + reading).contains { $0 === rule } }.map(\.id),
                isEvaluatedOnDelete: evaluating.contains { $0.scope.operations.contains(.delete) })
            entries[kind == .tokenRequest ? "/serviceaccounts/token" : "\(kind.group)/\(kind.plural)"] = entry
            if entry.group == "traefik.io" { entries["traefik.containo.us/\(kind.plural)"] = entry }
        }
        let ofTemplates = rules.filter { $0.scope.kinds.contains(.podTemplate) }.map(\.id)
        for kind in settings.workloadKinds where entries["\(kind.group)/\(kind.plural)"] == nil {
            entries["\(kind.group)/\(kind.plural)"] = Entry(
                kind: .other, kindName: kind.name, group: kind.group, rules: ofTemplates, isEvaluatedOnDelete: false)
        }
    }

    /// The kind of a resource or subresource that rules read; nil for others, such as `status`.
    ///
    /// For a Scale, it is the kind of the workload.
    package subscript(group: String, resource: String, subresource: String) -> Entry? {
        switch subresource {
        case "", "scale": entries["\(group)/\(resource)"]
        case "ephemeralcontainers", "resize": resource == "pods" ? entries["\(group)/pods"] : nil
        case "token": resource == "serviceaccounts" ? entries["\(group)/serviceaccounts/token"] : nil
        default: nil
        }
    }
}
