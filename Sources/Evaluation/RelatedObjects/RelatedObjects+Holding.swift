import JSON
import Kubernetes

extension RelatedObjects {
    /// The related objects of one namespace.
    struct Holding: Sendable {
        /// The kinds whose objects are known, even if there are none.
        var kinds = ResourceKinds()
        private(set) var namespace: NamespaceRecord?
        private(set) var budgets = RecordIndex<DisruptionBudget>()
        private(set) var autoscalers = RecordIndex<Autoscaler>()
        private(set) var quotas = RecordIndex<Quota>()
        private(set) var workloads = RecordIndex<Workload>()
        /// The objects of all other kinds, with the fields that their ``RelatedKind`` declares.
        private(set) var objects: [ResourceKind: RecordIndex<RelatedObject>] = [:]

        /// True if the namespace has no objects and no known kinds.
        var isEmpty: Bool {
            namespace == nil && budgets.isEmpty && autoscalers.isEmpty && quotas.isEmpty && workloads.isEmpty
                && objects.isEmpty
        }
    }

    /// The stored fields of one object.
    enum Record {
        case namespace(NamespaceRecord)
        case budget(DisruptionBudget)
        case autoscaler(Autoscaler)
        case quota(Quota)
        case workload(Workload)
        case object(RelatedObject)

        /// Reads an object of a kind; nil if the kind is not stored.
        init?(
            _ object: Value, _ kind: ResourceKind, _ name: String, _ namespace: String, _ related: RelatedKinds
        ) throws(CannotEvaluate) {
            switch kind {
            case .namespace: self = .namespace(NamespaceRecord(object, name, related.annotations))
            case .podDisruptionBudget: self = .budget(try DisruptionBudget(object, name, namespace))
            case .horizontalPodAutoscaler, .scaledObject: self = .autoscaler(try Autoscaler(object, kind, name))
            case .resourceQuota: self = .quota(try Quota(object, name))
            case .deployment, .statefulSet, .rollout:
                self = .workload(try Workload(object, kind, name, related.annotations))
            default:
                guard let related = related[kind], let read = related.read else { return nil }
                var fields = RelatedFields()
                try read(object, &fields)
                self = .object(
                    RelatedObject(related, name, namespace, labels: ObjectMeta(of: object).labels, fields))
            }
        }
    }
}

extension RelatedObjects.Holding {
    /// Adds a record, or replaces the one with the same kind and name.
    mutating func set(_ record: RelatedObjects.Record) {
        switch record {
        case .namespace(let record): namespace = record
        case .budget(let record): budgets.set(record)
        case .autoscaler(let record): autoscalers.set(record)
        case .quota(let record): quotas.set(record)
        case .workload(let record): workloads.set(record)
        case .object(let record): objects[record.kind, default: RecordIndex()].set(record)
        }
    }

    /// Removes the record with a kind and name.
    mutating func remove(_ kind: ResourceKind, _ name: String) {
        switch kind {
        case .namespace: namespace = nil
        case .podDisruptionBudget: budgets.remove(kind, name)
        case .horizontalPodAutoscaler, .scaledObject: autoscalers.remove(kind, name)
        case .resourceQuota: quotas.remove(kind, name)
        case .deployment, .statefulSet, .rollout: workloads.remove(kind, name)
        default:
            objects[kind]?.remove(kind, name)
            if objects[kind]?.isEmpty ?? false { objects[kind] = nil }
        }
    }

    /// Removes all objects of a kind, which is then unknown.
    mutating func drop(_ kind: ResourceKind) {
        kinds = kinds.subtracting(ResourceKinds(kind))
        switch kind {
        case .namespace: namespace = nil
        case .podDisruptionBudget: budgets = RecordIndex()
        case .horizontalPodAutoscaler, .scaledObject: autoscalers.removeAll(kind)
        case .resourceQuota: quotas = RecordIndex()
        case .deployment, .statefulSet, .rollout: workloads.removeAll(kind)
        default: objects[kind] = nil
        }
    }

    /// Adds all objects of a kind from another namespace record; there are none of this kind yet.
    mutating func take(_ kind: ResourceKind, from other: RelatedObjects.Holding) {
        kinds.formUnion(ResourceKinds(kind))
        switch kind {
        case .namespace: namespace = other.namespace
        case .podDisruptionBudget: budgets = other.budgets
        case .horizontalPodAutoscaler, .scaledObject:
            for autoscaler in other.autoscalers.records where autoscaler.kind == kind { autoscalers.set(autoscaler) }
        case .resourceQuota: quotas = other.quotas
        case .deployment, .statefulSet, .rollout:
            for workload in other.workloads.records where workload.kind == kind { workloads.set(workload) }
        default: objects[kind] = other.objects[kind]
        }
    }
}
