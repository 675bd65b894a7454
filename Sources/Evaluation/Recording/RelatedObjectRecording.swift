import JSON
import Kubernetes

/// Related objects in recordings: by kind and namespace, all objects that were available, with the fields that rules read.
///
/// A kind and namespace that no rule read, or that was not available, is omitted and is unknown to a replay.
extension RelatedObjects {
    /// The maximum number of objects of a kind in a recording; if there are more, none is recorded and the kind is unknown.
    static let maximumRecorded = 500

    /// Returns the related objects that an evaluation reads, as recordings store them.
    func recorded(_ lookups: Lookups) -> Literal {
        var entries: [Literal] = []
        for lookup in lookups.all where knows(lookup.kind, in: lookup.namespace, named: lookup.name) {
            let held = holding(of: lookup.kind, lookup.namespace, named: lookup.name)
            let objects = held?.literals(lookup.kind) ?? []
            guard objects.count <= RelatedObjects.maximumRecorded else { continue }
            var entry: [Literal.Member] = [
                .init("kind", .string("\(lookup.kind.name)")), .init("apiVersion", .string(lookup.kind.apiVersion)),
                .init("namespace", .string(lookup.namespace)), .init("objects", .array(objects)),
            ]
            if isInDoubt(lookup) { entry.append(.init("unchecked", true)) }
            entries.append(.object(entry))
        }
        return .array(entries)
    }

    /// Creates the related objects of a recording.
    ///
    /// - Parameters:
    ///   - entries: The result of ``recorded(_:)``.
    ///   - recorded: The recorded answers of the API server.
    ///   - catalogue: The rules that read related objects.
    /// - Throws: ``CannotEvaluate/malformed(_:expected:)`` if an object is not valid.
    init(recorded entries: Value, answers recorded: Value? = nil, of catalogue: Catalogue) throws(CannotEvaluate) {
        // Recordings have annotations in the default domain.
        self.init(knowledge: .kindsHeld, of: catalogue.with(.standard))
        var doubts: [LookupAnswer] = []
        for entry in entries.elements {
            let kind = ResourceKind(kind: entry["kind"]?.string ?? "", apiVersion: entry["apiVersion"]?.string ?? "")
            // Kinds that this version does not read are ignored.
            guard catalogue.relatedKinds.contains(kind), let namespace = entry["namespace"]?.string else { continue }
            try restore(kind, in: namespace, entry["objects"].map { Array($0.elements) } ?? [])
            guard entry["unchecked"]?.bool ?? false else { continue }
            doubts.append(.absence(Absence(kind, in: namespace), found: nil))
        }
        let answers = doubts + (recorded.map { $0.elements.compactMap { LookupAnswer(recorded: $0) } } ?? [])
        if !answers.isEmpty { self = answering(answers) }
    }
}

/// The kinds and namespaces that an evaluation reads, each once, with the name if it reads one object only.
///
/// Unchecked because one evaluation on one thread writes to it, and it is read only after that.
final class Lookups: @unchecked Sendable {
    private(set) var all: [Absence] = []

    func note(_ kind: ResourceKind, _ namespace: String, _ name: String?) {
        guard let index = all.firstIndex(where: { $0.kind == kind && $0.namespace == namespace }) else {
            return all.append(Absence(kind, in: namespace, named: name))
        }
        if all[index].name != name { all[index] = Absence(kind, in: namespace) }
    }
}

extension RelatedObjects.Holding {
    /// Returns the objects of a kind, as recordings store them.
    fileprivate func literals(_ kind: ResourceKind) -> [Literal] {
        switch kind {
        case .namespace: self.namespace.map { [$0.literal] } ?? []
        case .podDisruptionBudget: budgets.records.map(\.literal)
        case .horizontalPodAutoscaler, .scaledObject: autoscalers.records.filter { $0.kind == kind }.map(\.literal)
        case .resourceQuota: quotas.records.map(\.literal)
        case .deployment, .statefulSet, .rollout: workloads.records.filter { $0.kind == kind }.map(\.literal)
        default: objects[kind]?.records.map(\.literal) ?? []
        }
    }
}

// MARK: Records, in the form that their readers expect

extension NamespaceRecord {
    fileprivate var literal: Literal {
        var written = annotations?.members ?? []
        if onlyWarns { written.append(.init(AnnotationNames.standard.level, "warn")) }
        if keepsKeys { written.append(.init("\(NamespaceRecord.keyDeletionPolicy)", "retain")) }
        let labels: Literal = isPrivileged ? ["pod-security.kubernetes.io/enforce": "privileged"] : [:]
        return ["metadata": ["name": .string(name), "labels": labels, "annotations": .object(written)]]
    }
}

extension LookupAnswer {
    /// The answer as recordings store it; nil for answers that are recorded with the related objects.
    var recorded: Literal? {
        switch self {
        case .absence, .templates, .claim(_, nil): nil
        case .claim(let claim, let isOperator?):
            [
                "isOperator": .bool(isOperator), "account": .string(claim.account), "group": .string(claim.group),
                "version": .string(claim.version), "kind": .string(claim.kindName),
                "namespace": .string(claim.namespace),
            ]
        case .served(let kind, let isServed):
            [
                "isServed": .bool(isServed ?? false), "kind": .string("\(kind.name)"),
                "apiVersion": .string(kind.apiVersion),
            ]
        case .recorded(nil): ["template": nil]
        case .recorded(let template?):
            [
                "template": .object(
                    [.init("source", .string(template.source))]
                        + (template.replicas.map { [.init("replicas", .number(String($0)))] } ?? [])
                        + [.init("exemptions", .array(template.exemptions.map { .object($0.members) }))])
            ]
        }
    }

    /// Reads a recorded answer; nil if this version does not know it.
    init?(recorded value: Value) {
        if let isOperator = value["isOperator"]?.bool {
            func text(_ key: StaticString) -> String { value[key]?.string ?? "" }
            let group = text("group")
            let apiVersion = group.isEmpty ? text("version") : "\(group)/\(text("version"))"
            let claim = OperatorClaim(
                text("account"), apiVersion: apiVersion, kindName: text("kind"), namespace: text("namespace"))
            self = .claim(claim, isOperator)
        } else if let isServed = value["isServed"]?.bool {
            self = .served(
                ResourceKind(kind: value["kind"]?.string ?? "", apiVersion: value["apiVersion"]?.string ?? ""), isServed
            )
        } else if let template = value["template"] {
            guard template.kind == .object else {
                self = .recorded(nil)
                return
            }
            let exemptions = template["exemptions"].map {
                $0.elements.compactMap { ExemptionAnnotations(annotations: $0, .standard) }
            }
            self = .recorded(
                PastTemplate(
                    source: template["source"]?.string ?? "", spec: nil, replicas: template["replicas"]?.int,
                    exemptions: exemptions ?? []))
        } else {
            return nil
        }
    }
}

extension ExemptionAnnotations {
    fileprivate var members: [Literal.Member] {
        var members: [Literal.Member] = [
            .init(AnnotationNames.standard.exempt, .string(rules)),
            .init(AnnotationNames.standard.reason, .string(reason)),
        ]
        if let until { members.append(.init(AnnotationNames.standard.until, .string(until))) }
        return members
    }
}

extension DisruptionBudget {
    fileprivate var literal: Literal {
        var spec: [Literal.Member] = []
        if let selector { spec.append(.init("selector", selector.literal)) }
        if let minAvailable { spec.append(.init("minAvailable", minAvailable.literal)) }
        if let maxUnavailable { spec.append(.init("maxUnavailable", maxUnavailable.literal)) }
        return ["metadata": ["name": .string(name)], "spec": .object(spec)]
    }
}

extension LabelSelector {
    fileprivate var literal: Literal {
        [
            "matchLabels": .object(labels.map { .init($0.key, .string($0.value)) }),
            "matchExpressions": .array(expressions.map(\.literal)),
        ]
    }
}

extension LabelSelector.Expression {
    fileprivate var literal: Literal {
        let (name, values): (String, [String]) =
            switch comparison {
            case .isIn(let values): ("In", values)
            case .isNotIn(let values): ("NotIn", values)
            case .exists: ("Exists", [])
            case .doesNotExist: ("DoesNotExist", [])
            }
        return ["key": .string(key), "operator": .string(name), "values": .array(values.map { .string($0) })]
    }
}

extension IntOrPercent {
    fileprivate var literal: Literal {
        switch self {
        case .int(let count): .number(String(count))
        case .percent: .string(description)
        }
    }
}

extension Autoscaler {
    fileprivate var literal: Literal {
        let target: Literal = [
            "kind": .string("\(targetKind.name)"), "apiVersion": .string(targetKind.apiVersion),
            "name": .string(targetName),
        ]
        let isScaledObject = kind == .scaledObject
        var spec: [Literal.Member] = [
            .init("scaleTargetRef", target),
            .init(isScaledObject ? "minReplicaCount" : "minReplicas", .number(String(minimum))),
        ]
        if maximum != .max {
            spec.append(.init(isScaledObject ? "maxReplicaCount" : "maxReplicas", .number(String(maximum))))
        }
        // A missing entry stands for the default, which the reader restores.
        if !resources.contains(where: { $0.index == nil }) {
            // Entries for other metrics keep the indexes of the CPU and memory entries.
            var entries: [Literal] = [["type": "External"]]
            for resource in resources {
                let index = resource.index ?? 0
                while entries.count <= index { entries.append(["type": "External"]) }
                entries[index] = isScaledObject ? resource.trigger : resource.metric
            }
            spec.append(.init(isScaledObject ? "triggers" : "metrics", .array(entries)))
        }
        return ["metadata": ["name": .string(name)], "spec": .object(spec)]
    }
}

extension ScaledResource {
    private var type: Literal { isUtilization ? "Utilization" : "AverageValue" }

    fileprivate var metric: Literal {
        var source: [Literal.Member] = [.init("name", .string(name.rawValue)), .init("target", ["type": type])]
        if let container { source.append(.init("container", .string(container))) }
        let isPerContainer = container != nil
        return [
            "type": isPerContainer ? "ContainerResource" : "Resource",
            isPerContainer ? "containerResource" : "resource": .object(source),
        ]
    }

    fileprivate var trigger: Literal {
        [
            "type": .string(name.rawValue), "metricType": type,
            "metadata": container.map { ["containerName": .string($0)] } ?? [:],
        ]
    }
}

extension Quota {
    fileprivate var literal: Literal {
        var hard: [Literal.Member] = []
        if countsCPULimits { hard.append(.init("limits.cpu", "1")) }
        if let requestedMemory { hard.append(.init("requests.memory", Quota.bytes(requestedMemory))) }
        let used: Literal = usedMemory.map { ["requests.memory": Quota.bytes($0)] } ?? [:]
        return ["metadata": ["name": .string(name)], "spec": ["hard": .object(hard)], "status": ["used": used]]
    }

    private static func bytes(_ amount: Double) -> Literal { .string("\(amount)") }
}

extension Workload {
    fileprivate var literal: Literal {
        var template: [Literal.Member] = [.init("labels", pairs(labels))]
        if let templateAnnotations { template.append(.init("annotations", .object(templateAnnotations.members))) }
        var metadata: [Literal.Member] = [.init("name", .string(name))]
        if let application { metadata.append(.init("labels", ["app.kubernetes.io/part-of": .string(application)])) }
        if let annotations { metadata.append(.init("annotations", .object(annotations.members))) }
        if let owner = operatingOwner {
            let reference: Literal = [
                "apiVersion": .string(owner.apiVersion), "kind": .string(owner.kindName), "name": .string(owner.name),
            ]
            metadata.append(.init("ownerReferences", [reference]))
        }
        let containers = containers.map { container -> Literal in
            let resources: Literal = container.asksForCPU ? ["requests": ["cpu": "1"]] : [:]
            return ["name": .string(container.name), "resources": resources]
        }
        var spec: [Literal.Member] = [
            .init("replicas", .number(String(replicas))),
            .init("template", ["metadata": .object(template), "spec": ["containers": .array(containers)]]),
        ]
        // It stands for everything that prevents a second replica.
        if !canRunTwice, kind != .statefulSet, deployment == nil {
            spec.append(.init("strategy", ["type": "Recreate"]))
        }
        if let deployment {
            spec.append(.init("workloadRef", ["kind": "Deployment", "name": .string(deployment)]))
        }
        return ["metadata": .object(metadata), "spec": .object(spec)]
    }
}

/// Returns labels in an order that does not depend on the process.
private func pairs(_ labels: [String: String]) -> Literal {
    .object(labels.sorted { $0.key < $1.key }.map { .init($0.key, .string($0.value)) })
}

extension RelatedObject {
    fileprivate var literal: Literal {
        ["metadata": ["name": .string(name), "labels": pairs(labels)], "fields": fields.recorded]
    }

    /// Reads an object of a kind without a record type; nil for other kinds.
    init?(recorded object: Value, _ related: RelatedKind, _ name: String, _ namespace: String) {
        guard let fields = object["fields"] else { return nil }
        self.init(
            related, name, namespace, labels: ObjectMeta(of: object).labels, RelatedFields(recorded: Literal(fields)))
    }
}
